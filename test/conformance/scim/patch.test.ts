/** PATCH through the whole endpoint (RFC 7644 §3.5.2): what is stored, answered and refused. */

import { onEachDatabase } from '../../database.ts';
import {
  type Client,
  ENTERPRISE,
  type EndpointUnderTest,
  expectScimError,
  someone,
  startEndpoint,
  USER,
} from './endpoint.ts';

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let idp: Client;
  let path: string;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
  });
  beforeEach(async () => {
    idp = await endpoint.connect();
    const { body } = await idp.post(
      '/Users',
      someone('ann', {
        emails: [
          { value: 'ann@work.example', type: 'work', primary: true },
          { value: 'ann@home.example', type: 'home' },
        ],
        nickName: 'Annie',
        [ENTERPRISE]: { department: 'R&D', costCenter: '7' },
      }),
    );
    path = `/Users/${body.id}`;
  });
  afterAll(() => endpoint.close());

  const patched = async (...operations: object[]) => {
    const reply = await idp.patch(path, operations);
    expect({ status: reply.status, detail: reply.body.detail }).toEqual({ status: 200 });
    expect((await idp.get(path)).body).toEqual(reply.body);
    return reply.body;
  };

  describe('§3.5.2.1 add', () => {
    it('merges into complex values and appends to lists, without duplicates', async () => {
      const phone = { value: '+1 555', type: 'work' };
      const body = await patched(
        { op: 'add', path: 'name', value: { middleName: 'Jane' } },
        { op: 'add', path: 'phoneNumbers', value: [phone] },
        { op: 'add', path: 'phoneNumbers', value: [phone] },
        { op: 'add', value: { title: 'Engineer', emails: [{ value: 'ann@other.example', type: 'other' }] } },
      );
      expect(body.name).toEqual({ givenName: 'Barbara', familyName: 'Jensen', middleName: 'Jane' });
      expect(body.phoneNumbers).toEqual([phone]);
      expect(body.title).toBe('Engineer');
      expect(body.emails).toHaveLength(3);
    });

    it('moves primary from the value that had it', async () => {
      const body = await patched({
        op: 'add',
        path: 'emails',
        value: [{ value: 'new@x.example', primary: true }],
      });
      expect(body.emails.filter((email: { primary?: boolean }) => email.primary)).toEqual([
        { value: 'new@x.example', primary: true },
      ]);
    });

    it('of what is there already changes neither version nor time', async () => {
      const { body } = await idp.get(path);
      expect(await patched({ op: 'add', path: 'nickName', value: 'Annie' })).toEqual(body);
    });
  });

  describe('§3.5.2.2 remove', () => {
    it('takes attributes, parts, and the elements that a filter selects', async () => {
      const body = await patched(
        { op: 'remove', path: 'nickName' },
        { op: 'remove', path: 'name.familyName' },
        { op: 'remove', path: 'emails[type eq "home"]' },
        { op: 'remove', path: `${ENTERPRISE}:costCenter` },
        { op: 'remove', path: 'title' },
      );
      expect(body).not.toHaveProperty('nickName');
      expect(body.name).toEqual({ givenName: 'Barbara' });
      expect(body.emails).toHaveLength(1);
      expect(body[ENTERPRISE]).toEqual({ department: 'R&D' });
    });

    it('does not take active away: that would let a leaver in again', async () => {
      const { body } = await idp.get(path);
      expectScimError(await idp.patch(path, [{ op: 'remove', path: 'active' }]), 400, 'invalidValue');
      expect((await idp.get(path)).body).toEqual(body);
    });

    it('wants a path, and keeps what is required or read only', async () => {
      const { body } = await idp.get(path);
      expectScimError(await idp.patch(path, [{ op: 'remove' }]), 400, 'noTarget');
      for (const kept of ['userName', 'id', 'meta', 'groups']) {
        expectScimError(await idp.patch(path, [{ op: 'remove', path: kept }]), 400, 'mutability');
      }
      expect((await idp.get(path)).body).toEqual(body);
    });
  });

  it('takes paths of many thousand characters, up to a limit on all of them', async () => {
    const long = (characters: number) => `emails[value eq "${'x'.repeat(characters)}"]`;
    const same = await idp.get(path);
    const far = await idp.patch(path, [{ op: 'remove', path: long(16_000) }]);
    expect([far.status, far.body]).toEqual([200, same.body]);
    expectScimError(await idp.patch(path, [{ op: 'remove', path: long(70_000) }]), 400, 'invalidPath');
    const many = Array.from({ length: 70 }, () => ({ op: 'remove', path: long(16_000) }));
    const refused = await idp.patch(path, many);
    expectScimError(refused, 413);
    expect(refused.body.detail).toContain('1048576 characters');
  });

  describe('§3.5.2.3 replace', () => {
    it('replaces values, parts, whole lists and selected elements', async () => {
      const body = await patched(
        { op: 'replace', path: 'name.givenName', value: 'Ann' },
        { op: 'replace', path: 'emails[type eq "work"].value', value: 'a@work.example' },
        { op: 'replace', value: { nickName: 'A', [ENTERPRISE]: { department: 'Sales' } } },
        { op: 'replace', path: `${USER}:title`, value: 'Director' },
        { op: 'REPLACE', path: 'PHONENUMBERS', value: [{ value: '1' }] },
      );
      expect(body).toMatchObject({
        name: { givenName: 'Ann', familyName: 'Jensen' },
        nickName: 'A',
        title: 'Director',
        phoneNumbers: [{ value: '1' }],
        [ENTERPRISE]: { department: 'Sales', costCenter: '7' },
      });
      expect(body.emails).toMatchObject([{ value: 'a@work.example', primary: true }, { type: 'home' }]);
      expect((await patched({ op: 'replace', path: 'emails', value: [] })).emails).toBeUndefined();
    });

    it('is noTarget where a filter selects nothing and names nothing to make', async () => {
      const operation = { op: 'replace', path: 'emails[value co "nobody"].display', value: 'x' };
      expectScimError(await idp.patch(path, [operation]), 400, 'noTarget');
    });

    it('refuses a userName that another one has, and changes nothing', async () => {
      await idp.post('/Users', someone('bea'));
      const { body } = await idp.get(path);
      const reply = await idp.patch(path, [
        { op: 'replace', path: 'title', value: 'x' },
        { op: 'replace', path: 'userName', value: 'BEA' },
      ]);
      expectScimError(reply, 409, 'uniqueness');
      expect((await idp.get(path)).body).toEqual(body);
    });
  });

  it.each([
    ['an operation that is none', [{ op: 'move', path: 'title', value: 'x' }], 'invalidSyntax'],
    ['no operation', ['title'], 'invalidSyntax'],
    ['a path that is none', [{ op: 'add', path: 'emails[', value: 'x' }], undefined],
    ['a path that no schema knows', [{ op: 'add', path: 'nothing.like', value: 'x' }], 'invalidPath'],
    ['no value', [{ op: 'add', path: 'title' }], 'invalidValue'],
    ['a value of another type', [{ op: 'add', path: 'name', value: 'Ann' }], 'invalidValue'],
    ['an id', [{ op: 'replace', path: 'id', value: 'x' }], 'mutability'],
  ])('§3.12 refuses %s', async (_, operations, scimType) => {
    const reply = await idp.patch(path, operations);
    expectScimError(reply, 400, scimType ?? reply.body.scimType);
  });

  it('is 404 for a user that is not there, whatever the operations', async () => {
    expectScimError(await idp.patch('/Users/nobody', [{ op: 'replace', path: 'title', value: 'x' }]), 404);
  });

  describe('groups', () => {
    it('takes several edits of members in one go, and names whom it does not know', async () => {
      const [a = '', b = '', c = ''] = await idp.newUsers(3);
      const { body } = await idp.post('/Groups', { displayName: 'G', members: [{ value: a }] });
      const group = `/Groups/${body.id}`;
      const edit = (...operations: object[]) => idp.patch(`${group}?attributes=members.value`, operations);
      const both = await edit(
        { op: 'add', path: 'members', value: { value: b } },
        { op: 'add', value: { members: [{ value: c }] } },
        { op: 'remove', path: `members[value eq "${a}" or value eq "${b}"]` },
      );
      expect(both.body.members).toEqual([{ value: c }]);
      const unknown = await edit({
        op: 'add',
        path: 'members',
        value: [{ value: a }, { value: 'stranger' }],
      });
      expectScimError(unknown, 400, 'invalidValue');
      expect(unknown.body.detail).toContain('stranger');
      const nested = await edit({ op: 'add', path: 'members', value: [{ value: body.id }] });
      expectScimError(nested, 400, 'invalidValue');
      expect((await edit({ op: 'remove', path: 'members' })).body).not.toHaveProperty('members.0');
      expect((await idp.get(group)).body.meta.version).toBe('W/"3"');
    });

    it('§8.7.1 refuses a taken name, an empty one, and changes of a member', async () => {
      const [a = ''] = await idp.newUsers(1);
      await idp.post('/Groups', { displayName: 'Taken' });
      const { body } = await idp.post('/Groups', { displayName: 'G', members: [{ value: a }] });
      const patch = (operation: object) => idp.patch(`/Groups/${body.id}`, [operation]);
      expectScimError(await patch({ op: 'replace', path: 'displayName', value: 'taken' }), 409, 'uniqueness');
      expectScimError(await patch({ op: 'replace', path: 'displayName', value: '' }), 400, 'invalidValue');
      const display = { op: 'replace', path: `members[value eq "${a}"].display`, value: 'x' };
      expectScimError(await patch(display), 400, 'mutability');
    });
  });
});
