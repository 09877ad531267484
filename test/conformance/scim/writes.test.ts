/** Creating, replacing, deleting and versions (RFC 7644 §3.3, §3.5.1, §3.6, §3.14; RFC 7643 §2, §3). */

import { onEachDatabase } from '../../database.ts';
import {
  BASE,
  type Client,
  ENTERPRISE,
  type EndpointUnderTest,
  expectScimError,
  GROUP,
  someone,
  startEndpoint,
  USER,
} from './endpoint.ts';

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let idp: Client;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
  });
  beforeEach(async () => {
    idp = await endpoint.connect();
  });
  afterAll(() => endpoint.close());

  describe('RFC 7643 §2 values', () => {
    it('§4.1 §4.3 keeps every attribute of the core and the enterprise schema', async () => {
      const whole = someone('bjensen', {
        schemas: [USER, ENTERPRISE],
        externalId: 'bjensen',
        name: {
          formatted: 'Ms. Barbara J Jensen III',
          familyName: 'Jensen',
          givenName: 'Barbara',
          middleName: 'Jane',
          honorificPrefix: 'Ms.',
          honorificSuffix: 'III',
        },
        nickName: 'Babs',
        profileUrl: 'https://login.example.com/bjensen',
        title: 'Tour Guide',
        userType: 'Employee',
        preferredLanguage: 'en-US',
        locale: 'en-US',
        timezone: 'America/Los_Angeles',
        phoneNumbers: [{ value: '555-555-5555', type: 'work' }],
        ims: [{ value: 'someaimhandle', type: 'aim' }],
        photos: [{ value: 'https://photos.example.com/F', type: 'photo' }],
        addresses: [{ type: 'work', streetAddress: '100 Universal City Plaza', primary: true }],
        entitlements: [{ value: 'e' }],
        roles: [{ value: 'r', type: 'anything at all' }],
        x509Certificates: [{ value: 'MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVMx' }],
        [ENTERPRISE]: {
          employeeNumber: '701984',
          costCenter: '4130',
          organization: 'Universal Studios',
          division: 'Theme Park',
          department: 'Tour Operations',
          manager: { value: '26118915', $ref: '../Users/26118915' },
        },
      });
      const { status, body } = await idp.post('/Users', whole);
      expect(status).toBe(201);
      const { id, meta, groups, ...rest } = body;
      expect(rest).toEqual(whole);
      expect((await idp.get(`/Users/${id}`)).body).toEqual(body);
    });

    it('§4.3 names the manager who is a user here as they are called now', async () => {
      const { body: boss } = await idp.post('/Users', { userName: 'boss', displayName: 'Ann Roe' });
      const sent = { value: boss.id, displayName: 'Somebody', $ref: 'https://elsewhere.example/1' };
      const { body: led } = await idp.post('/Users', { userName: 'led', [ENTERPRISE]: { manager: sent } });
      const shown = (displayName: string) => ({
        [ENTERPRISE]: {
          manager: { value: boss.id, $ref: `${BASE}/Users/${boss.id}`, displayName },
        },
      });
      expect(led).toMatchObject(shown('Ann Roe'));
      const path = `/Users/${led.id}`;
      const before = await idp.get(path);
      expect(before.body).toEqual(led);
      expect((await idp.put(path, led)).body).toMatchObject(shown('Ann Roe'));
      const { body: put } = await idp.get(path);
      await idp.patch(`/Users/${boss.id}`, [{ op: 'replace', path: 'displayName', value: 'Ann Poe' }]);
      const again = await idp.get(path, { 'If-None-Match': put.meta.version });
      expect([again.status, again.body]).toMatchObject([200, shown('Ann Poe')]);
      expect((await idp.get('/Users')).body.Resources[1]).toMatchObject(shown('Ann Poe'));
      const excluded = await idp.get(`${path}?excludedAttributes=${ENTERPRISE}:manager.displayName,groups`);
      expect(excluded.body[ENTERPRISE].manager).toEqual({ value: boss.id, $ref: `${BASE}/Users/${boss.id}` });
      const title = await idp.patch(path, [{ op: 'add', path: 'title', value: 'Engineer' }], {
        'If-Match': put.meta.version,
      });
      expect(title.body).toMatchObject({ title: 'Engineer', ...shown('Ann Poe') });
      await idp.delete(`/Users/${boss.id}`);
      const { manager } = (await idp.get(path)).body[ENTERPRISE];
      // What the client sent back of the bridge's own answer leads nowhere any more.
      expect(manager).toEqual({ value: boss.id });
    });

    it('takes names in any case and answers the canonical ones (§2.1)', async () => {
      const { body } = await idp.post('/Users', {
        USERNAME: 'ann',
        Emails: [{ VALUE: 'ann@example.com' }],
        [`${USER}:title`]: 'Engineer',
        [ENTERPRISE.toUpperCase()]: { Department: 'R&D' },
      });
      expect(body).toMatchObject({
        userName: 'ann',
        emails: [{ value: 'ann@example.com' }],
        title: 'Engineer',
        [ENTERPRISE]: { department: 'R&D' },
      });
    });

    it('takes null and empty lists for "no value" (§2.5)', async () => {
      const { status, body } = await idp.post('/Users', {
        userName: 'ann',
        phoneNumbers: null,
        roles: [],
        name: null,
        title: null,
        [ENTERPRISE]: { manager: '' },
      });
      expect(status).toBe(201);
      expect(Object.keys(body).sort()).toEqual(['active', 'groups', 'id', 'meta', 'schemas', 'userName']);
    });

    it('takes names with dots, URNs and value paths as PATCH does (RFC 7644 §3.10)', async () => {
      const { body } = await idp.post('/Users', {
        userName: 'ann',
        'name.givenName': 'Ann',
        [USER]: { nickName: 'Annie' },
        [`${ENTERPRISE}:department`]: 'R&D',
        'emails[type eq "work"].value': 'ann@example.com',
      });
      expect(body).toMatchObject({
        name: { givenName: 'Ann' },
        nickName: 'Annie',
        [ENTERPRISE]: { department: 'R&D' },
        emails: [{ type: 'work', value: 'ann@example.com' }],
      });
    });

    it('keeps a value and type once (§2.4)', async () => {
      const emails = [
        { value: 'a@x.com', type: 'work' },
        { value: 'A@x.com', type: 'Work', display: 'A' },
        { value: 'a@x.com', type: 'home' },
        {},
      ];
      const { body } = await idp.post('/Users', { userName: 'ann', emails });
      expect(body.emails).toEqual([
        { value: 'A@x.com', type: 'Work', display: 'A' },
        { value: 'a@x.com', type: 'home' },
      ]);
      expect((await idp.put(`/Users/${body.id}`, { userName: 'ann', emails })).body).toEqual(body);
    });

    it('keeps as many values of a list as it takes, and finds each', async () => {
      const emails = Array.from({ length: 1000 }, (_, n) => ({ value: `${n}@x.com` }));
      const made = await idp.post('/Users', { userName: 'ann', emails });
      expect(made.body.emails).toHaveLength(1000);
      const moved = emails.map(({ value }) => ({ value: `new${value}` }));
      expect((await idp.put(`/Users/${made.body.id}`, { userName: 'ann', emails: moved })).status).toBe(200);
      expect((await idp.get('/Users?filter=emails.value eq "new999@x.com"')).body.totalResults).toBe(1);
      expect((await idp.get('/Users?filter=emails.value eq "999@x.com"')).body.totalResults).toBe(0);
      const [one] = moved;
      const { body } = await idp.put(`/Users/${made.body.id}`, {
        userName: 'ann',
        emails: [...moved, one, 'y'],
      });
      expect(body.detail).toContain('emails would have more than 1000 values');
    });

    it('is active where nobody says otherwise', async () => {
      expect((await idp.post('/Users', { userName: 'ann' })).body.active).toBe(true);
    });

    it('keeps one primary value (§2.4)', async () => {
      const emails = ['a@x.com', 'b@x.com'].map((value) => ({ value, primary: true }));
      const { body } = await idp.post('/Users', { userName: 'ann', emails });
      expect(body.emails).toEqual([
        { value: 'a@x.com', primary: true },
        { value: 'b@x.com', primary: false },
      ]);
    });

    it.each([
      ['userName is missing', {}],
      ['userName is empty', { userName: ' ' }],
      ['userName is no text', { userName: { a: 1 } }],
      ['active is no boolean', { userName: 'x', active: 'perhaps' }],
      ['name is text', { userName: 'x', name: 'Ann' }],
      ['title is a list', { userName: 'x', title: ['a', 'b'] }],
      ['a NUL', { userName: 'x', title: 'a\0b' }],
      ['half a surrogate pair', { userName: 'x', title: '\ud800' }],
      ['title fills a book', { userName: 'x', title: 'x'.repeat(2 ** 20) }],
      ['userName fills a page', { userName: 'x'.repeat(5000) }],
    ])('§2.3 refuses a user whose %s', async (_, body) => {
      expectScimError(await idp.post('/Users', body), 400, 'invalidValue');
      expect((await idp.get('/Users?count=0')).body.totalResults).toBe(0);
    });
  });

  describe('identifiers', () => {
    it('are kept and found without the blanks around them, and taken in any case', async () => {
      const made = await idp.post('/Users', someone(' Ann ', { emails: [{ value: ' Ann@Example.com ' }] }));
      expect(made.body).toMatchObject({ userName: 'Ann', emails: [{ value: 'Ann@Example.com' }] });
      expectScimError(await idp.post('/Users', { userName: 'ANN ' }), 409, 'uniqueness');
      await idp.post('/Groups', { displayName: ' Sales ' });
      expectScimError(await idp.post('/Groups', { displayName: 'sales' }), 409, 'uniqueness');
      for (const filter of [
        'userName eq " ann "',
        'emails eq "ann@example.com "',
        'emails[value eq " ANN@example.com"]',
        'emails[value eq " ann@example.com" and not (type eq "home")]',
      ]) {
        const found = await idp.get(`/Users?filter=${encodeURIComponent(filter)}`);
        expect([filter, found.body.totalResults]).toEqual([filter, 1]);
      }
      const none = await idp.get(`/Users?filter=${encodeURIComponent('userName ne " ann "')}`);
      expect(none.body.totalResults).toBe(0);
      const group = await idp.get(`/Groups?filter=${encodeURIComponent('displayName eq "SALES "')}`);
      expect(group.body.totalResults).toBe(1);
    });

    it.each([
      ['userName', { userName: 'an\u200bn' }],
      ['externalId', { externalId: '\u202e1u00' }],
      ['emails.value', { emails: [{ value: 'ann\u0007@example.com' }] }],
      ['emails.value', { emails: '[{"value":"ann@example.com","type":"work"}]' }],
      ['emails.value', { emails: ['ann'] }],
    ])('are refused where nobody can read them: %s', async (name, more) => {
      const refused = await idp.post('/Users', someone('ann', more));
      expectScimError(refused, 400, 'invalidValue');
      expect(refused.body.detail).toContain(name);
      const { body } = await idp.post('/Users', someone('ann'));
      expectScimError(await idp.put(`/Users/${body.id}`, { ...body, ...more }), 400, 'invalidValue');
      expectScimError(
        await idp.patch(`/Users/${body.id}`, [{ op: 'replace', value: more }]),
        400,
        'invalidValue',
      );
      expect((await idp.get(`/Users/${body.id}`)).body).toEqual(body);
    });

    it('are accepted again where they are from before, and never keep a leaver', async () => {
      const { body: made } = await idp.post('/Users', someone('ann'));
      const emails = [{ value: 'no address', primary: true, type: 'work' }];
      const before = await endpoint.db('users').where({ id: made.id }).first();
      const held = typeof before.resource === 'string' ? JSON.parse(before.resource) : before.resource;
      await endpoint
        .db('users')
        .where({ id: made.id })
        .update({ resource: JSON.stringify({ ...held, emails }) });
      const { body } = await idp.get(`/Users/${made.id}`);
      const titled = await idp.put(`/Users/${made.id}`, { ...body, title: 'CEO' });
      expect([titled.status, titled.body.emails]).toEqual([200, emails]);
      expectScimError(
        await idp.put(`/Users/${made.id}`, { ...body, emails: [{ value: 'nor this' }] }),
        400,
        'invalidValue',
      );
      const left = await idp.put(`/Users/${made.id}`, { ...body, title: 'CEO', active: false });
      expect([left.status, left.body.active, left.body.emails]).toEqual([200, false, emails]);
      await idp.put(`/Users/${made.id}`, { ...body, active: true });
      const other = { ...body, active: false, emails: [{ value: 'nor this' }] };
      const out = await idp.put(`/Users/${made.id}`, other);
      expect([out.status, out.body.active, out.body.emails]).toEqual([200, false, emails]);
    });

    it('§2.1 two keys that differ in case alone are refused, wherever they are', async () => {
      expectScimError(await idp.post('/Users', { userName: 'ann', USERNAME: 'bob' }), 400, 'invalidSyntax');
      const nested = { userName: 'ann', emails: [{ value: 'ann@example.com', Value: 'bob@example.com' }] };
      expectScimError(await idp.post('/Users', nested), 400, 'invalidSyntax');
      const { body } = await idp.post('/Users', someone('ann'));
      const twice = { op: 'replace', path: 'active', value: true, Value: false };
      expectScimError(await idp.patch(`/Users/${body.id}`, [twice]), 400, 'invalidSyntax');
    });
  });

  describe('RFC 7643 §3.3 schemas and attributes that nobody knows', () => {
    it('passes over them where the connection ignores them, never echoes them, shows them to an admin', async () => {
      const idp = await endpoint.connect({ unknownAttributes: 'Ignore' });
      const sent = someone('ann', {
        schemas: [USER, 'urn:example:custom'],
        favouriteColour: 'green',
        emails: [{ value: 'ann@example.com', verified: true }],
        'urn:example:custom': { a: 1 },
      });
      const { body, text } = await idp.post('/Users', sent);
      expect(body.schemas).toEqual([USER]);
      expect(text).not.toMatch(/favouriteColour|verified|custom/);
      await idp.put(`/Users/${body.id}`, sent);
      const seen = await endpoint
        .db('attributes_seen')
        .where({ connection_id: idp.connectionId })
        .orderBy('name');
      const names: readonly string[] = seen.map((row) => row.name);
      expect(names.filter((name) => /verified|Colour|custom/.test(name))).toEqual([
        'emails.verified',
        'favouriteColour',
        'urn:example:custom',
      ]);
    });

    it('refuses them where the connection rejects them, in POST and PUT, and lets a leaver out', async () => {
      const strange = { favouriteColour: 'green' };
      for (const more of [
        strange,
        { emails: [{ value: 'ann@example.com', verified: true }] },
        { 'urn:x': {} },
      ]) {
        expectScimError(await idp.post('/Users', someone('ann', more)), 400, 'invalidSyntax');
      }
      expectScimError(await idp.post('/Groups', { displayName: 'G', ...strange }), 400, 'invalidSyntax');
      const { body: user } = await idp.post(
        '/Users',
        someone('ann', { schemas: [USER, 'urn:example:custom'] }),
      );
      const { body: group } = await idp.post('/Groups', { displayName: 'G' });
      expectScimError(await idp.put(`/Users/${user.id}`, { ...user, ...strange }), 400, 'invalidSyntax');
      expectScimError(await idp.put(`/Groups/${group.id}`, { ...group, ...strange }), 400, 'invalidSyntax');
      expect((await idp.get(`/Users/${user.id}`)).body).toEqual(user);
      const left = await idp.put(`/Users/${user.id}`, { ...user, ...strange, active: false });
      expect([left.status, left.body.active]).toEqual([200, false]);
      expectScimError(await idp.put(`/Users/${user.id}`, { ...left.body, ...strange }), 400, 'invalidSyntax');
    });

    it('notes what it knows as well, the values of a list by their type', async () => {
      const { body } = await idp.post('/Users', {
        userName: 'ann',
        name: { givenName: 'Ann' },
        emails: [{ type: 'work', value: 'ann@example.com', primary: true }, { value: 'ann@example.org' }],
        [ENTERPRISE]: { department: 'R&D', manager: { value: '7' } },
      });
      await idp.patch(`/Users/${body.id}`, [{ op: 'add', path: 'title', value: 'Engineer' }]);
      await idp.post('/Groups', { displayName: 'G', members: [{ value: body.id }] });
      const seen = await endpoint
        .db('attributes_seen')
        .where({ connection_id: idp.connectionId })
        .orderBy(['kind', 'name']);
      expect(seen.map((row) => `${row.kind} ${row.name}`).sort()).toEqual(
        [
          'group displayName',
          'group members.value',
          'user emails.value',
          'user emails[type eq "work"].value',
          'user name.givenName',
          'user title',
          `user ${ENTERPRISE}:department`,
          `user ${ENTERPRISE}:manager.value`,
          'user userName',
        ].sort(),
      );
    });
  });

  describe('§3.5.1 PUT', () => {
    it('leaves active and members that it does not name, clears the rest, and empties for [] and null', async () => {
      const { body: user } = await idp.post('/Users', someone('ann', { active: false, title: 'Engineer' }));
      const put = await idp.put(`/Users/${user.id}`, { userName: 'ann', phoneNumbers: [] });
      expect(put.body.active).toBe(false);
      expect(put.body).not.toHaveProperty('title');
      const { body: group } = await idp.post('/Groups', { displayName: 'G', members: [{ value: user.id }] });
      const renamed = await idp.put(`/Groups/${group.id}`, { displayName: 'H' });
      expect(renamed.body.members).toHaveLength(1);
      for (const members of [[], null]) {
        await idp.put(`/Groups/${group.id}`, { displayName: 'H', members: [{ value: user.id }] });
        const emptied = await idp.put(`/Groups/${group.id}`, { displayName: 'H', members });
        expect(emptied.body.members).toEqual([]);
      }
    });

    it('of the same body changes neither version nor time, and wakes nobody', async () => {
      const { body } = await idp.post('/Users', someone('ann'));
      const wakes = endpoint.wakes();
      const put = await idp.put(`/Users/${body.id}`, body);
      expect(put.status).toBe(200);
      expect(put.body).toEqual(body);
      expect(endpoint.wakes()).toBe(wakes);
    });

    it('refuses a name that another one has, and a resource that is not there', async () => {
      const [id = ''] = await idp.newUsers(2);
      expectScimError(await idp.put(`/Users/${id}`, { userName: 'USER2' }), 409, 'uniqueness');
      expectScimError(await idp.put('/Users/nobody', { userName: 'x' }), 404);
      expectScimError(await idp.put('/Users/%00', { userName: 'x' }), 404);
    });
  });

  describe('§3.6 DELETE', () => {
    it('answers 204, then 404, and gives the name free with a new id', async () => {
      const { body } = await idp.post('/Users', someone('ann'));
      const { body: group } = await idp.post('/Groups', { displayName: 'G', members: [{ value: body.id }] });
      const gone = await idp.delete(`/Users/${body.id}`);
      expect([gone.status, gone.text]).toEqual([204, '']);
      expectScimError(await idp.delete(`/Users/${body.id}`), 404);
      expectScimError(await idp.get(`/Users/${body.id}`), 404);
      expect((await idp.get(`/Groups/${group.id}`)).body).toMatchObject({
        members: [],
        meta: { version: 'W/"2"' },
      });
      const again = await idp.post('/Users', someone('ann'));
      expect(again.status).toBe(201);
      expect(again.body.id).not.toBe(body.id);
    });
  });

  describe('RFC 7643 §4.2 groups', () => {
    it('shows members with $ref, display and type, and refuses strangers and groups', async () => {
      const { body: user } = await idp.post('/Users', someone('ann'));
      const { body: bare } = await idp.post('/Users', { userName: 'bare' });
      const { status, body } = await idp.post('/Groups', {
        schemas: [GROUP],
        displayName: 'G',
        externalId: 'g1',
        members: [{ value: user.id }, { value: bare.id, type: 'User' }, { value: user.id }],
      });
      expect(status).toBe(201);
      expect(body.members).toHaveLength(2);
      expect(body.members).toEqual(
        expect.arrayContaining([
          { value: user.id, $ref: `${BASE}/Users/${user.id}`, display: 'Barbara Jensen', type: 'User' },
          { value: bare.id, $ref: `${BASE}/Users/${bare.id}`, display: 'bare', type: 'User' },
        ]),
      );
      const unknown = await idp.post('/Groups', { displayName: 'H', members: [{ value: 'stranger' }] });
      expectScimError(unknown, 400, 'invalidValue');
      expect(unknown.body.detail).toContain('stranger');
      for (const nested of [
        { value: body.id },
        { value: user.id, type: 'Group' },
        { value: user.id, $ref: `${BASE}/Groups/${user.id}` },
      ]) {
        const holding = { displayName: 'H', members: [nested] };
        expectScimError(await idp.post('/Groups', holding), 400, 'invalidValue');
        expectScimError(await idp.put(`/Groups/${body.id}`, holding), 400, 'invalidValue');
      }
      expectScimError(await idp.post('/Groups', { displayName: 'g' }), 409, 'uniqueness');
      expectScimError(await idp.post('/Groups', { externalId: 'x' }), 400, 'invalidValue');
    });
  });

  describe('§3.14 versions', () => {
    it('tells the version in the header and in meta, and moves it with each change', async () => {
      const made = await idp.post('/Users', someone('ann'));
      expect(made.headers.get('etag')).toBe('W/"1"');
      const path = `/Users/${made.body.id}`;
      const put = await idp.put(path, someone('ann', { title: 'x' }));
      expect([put.headers.get('etag'), put.body.meta.version]).toEqual(['W/"2"', 'W/"2"']);
      expect((await idp.get('/Users')).body.Resources[0].meta.version).toBe('W/"2"');
      expect(Date.parse(put.body.meta.lastModified)).toBeGreaterThanOrEqual(
        Date.parse(put.body.meta.created),
      );
    });

    it('If-Match: 412 for another version, on every write', async () => {
      const { body: user } = await idp.post('/Users', someone('ann'));
      const { body: group } = await idp.post('/Groups', { displayName: 'G' });
      const stale = { 'If-Match': 'W/"7"' };
      for (const [path, body] of [
        [`/Users/${user.id}`, user],
        [`/Groups/${group.id}`, group],
      ]) {
        expectScimError(await idp.put(path, body, stale), 412);
        expectScimError(await idp.patch(path, [{ op: 'replace', value: { externalId: 'x' } }], stale), 412);
        expectScimError(await idp.delete(path, stale), 412);
      }
      for (const match of ['W/"1"', '"1"', '*', 'W/"9", W/"1"']) {
        expect((await idp.put(`/Users/${user.id}`, user, { 'If-Match': match })).status).toBe(200);
      }
    });

    it('If-None-Match: 304 for the version that the client has', async () => {
      const { body } = await idp.post('/Users', someone('ann'));
      const path = `/Users/${body.id}`;
      const same = await idp.get(path, { 'If-None-Match': body.meta.version });
      expect([same.status, same.text, same.headers.get('etag')]).toEqual([304, '', 'W/"1"']);
      expect((await idp.get(path, { 'If-None-Match': 'W/"2"' })).status).toBe(200);
    });

    it('If-None-Match: no 304 for a user who joined, left, or whose group has another name', async () => {
      const { body: user } = await idp.post('/Users', someone('ann'));
      const { body: group } = await idp.post('/Groups', { displayName: 'G' });
      const path = `/Users/${user.id}`;
      const read = (tag: string) => idp.get(path, { 'If-None-Match': tag });
      const members = (op: string) =>
        idp.patch(`/Groups/${group.id}`, [{ op, path: 'members', value: [{ value: user.id }] }]);
      await members('add');
      const joined = await read(user.meta.version);
      expect([joined.status, joined.body.groups]).toMatchObject([200, [{ display: 'G' }]]);
      expect(joined.headers.get('etag')).toBe(joined.body.meta.version);
      expect((await idp.get('/Users')).body.Resources[0].meta.version).toBe(joined.body.meta.version);
      expect((await read(joined.body.meta.version)).status).toBe(304);
      await idp.patch(`/Groups/${group.id}`, [{ op: 'replace', path: 'displayName', value: 'H' }]);
      const renamed = await read(joined.body.meta.version);
      expect([renamed.status, renamed.body.groups]).toMatchObject([200, [{ display: 'H' }]]);
      await members('remove');
      expect((await read(renamed.body.meta.version)).status).toBe(200);
      expect((await endpoint.db('users').where({ id: user.id }).first()).version).toBe(1);
    });

    it('If-Match: a membership is no change of the user', async () => {
      const { body: user } = await idp.post('/Users', someone('ann'));
      await idp.post('/Groups', { displayName: 'G', members: [{ value: user.id }] });
      const path = `/Users/${user.id}`;
      const { meta } = (await idp.get(path)).body;
      const first = await idp.patch(path, [{ op: 'replace', path: 'title', value: 'a' }], {
        'If-Match': user.meta.version,
      });
      expect(first.status).toBe(200);
      expectScimError(
        await idp.patch(path, [{ op: 'replace', path: 'title', value: 'b' }], { 'If-Match': meta.version }),
        412,
      );
      const last = await idp.delete(path, { 'If-Match': first.body.meta.version });
      expect(last.status).toBe(204);
    });
  });

  it('§4.1.1 writes the password nowhere, and the whole request into the audit log', async () => {
    const { body } = await idp.post('/Users', someone('ann', { password: 'hunter22' }));
    await idp.patch(`/Users/${body.id}`, [{ op: 'replace', path: 'password', value: 'hunter22' }]);
    const events = await endpoint.db('events').where({ actor_id: idp.connectionId });
    expect(JSON.stringify(events)).not.toContain('hunter22');
    const request = events[0].request;
    expect(typeof request === 'string' ? JSON.parse(request) : request).toMatchObject({
      method: 'POST',
      path: '/Users',
      body: { userName: 'ann', password: '[redacted]' },
    });
  });
});
