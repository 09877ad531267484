/** What Entra ID sends, with its older flag and with `aadOptscim062020`. */

import { onEachDatabase } from '../../database.ts';
import {
  type Client,
  ENTERPRISE,
  type EndpointUnderTest,
  expectScimError,
  GROUP,
  someone,
  startEndpoint,
  USER,
} from './endpoint.ts';

const ADSCIM_GROUP = 'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group';

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let entra: Client;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
  });
  beforeEach(async () => {
    entra = await endpoint.connect();
  });
  afterAll(() => endpoint.close());

  const find = (resource: string, filter: string) =>
    entra.get(`/${resource}?filter=${encodeURIComponent(filter)}`);

  async function noted(client: Client): Promise<readonly string[]> {
    const rows = await endpoint
      .db('attributes_seen')
      .where({ connection_id: client.connectionId, kind: 'user' });
    return rows.map((row) => row.name);
  }

  it('Test Connection: a random user is an empty 200 list', async () => {
    const reply = await find('Users', 'userName eq "3b0f9f7a-5a6b-4a3f-8c0d-1f0000000000"');
    expect([reply.status, reply.body.totalResults]).toEqual([200, 0]);
  });

  it('posts a user with both schemas, empty roles, and a bare manager', async () => {
    const reply = await entra.post(
      '/Users',
      someone('ann', {
        schemas: [USER, ENTERPRISE],
        externalId: 'ann',
        roles: [],
        meta: { resourceType: 'User' },
        [ENTERPRISE]: { employeeNumber: '701984', manager: 'b1' },
      }),
    );
    expect(reply.status).toBe(201);
    expect(reply.body[ENTERPRISE]).toEqual({ employeeNumber: '701984', manager: { value: 'b1' } });
    expect(reply.body.schemas).toEqual([USER, ENTERPRISE]);
    const bare = await entra.post('/Users', someone('bea', { [ENTERPRISE]: { manager: '' } }));
    expect(bare.body).not.toHaveProperty([ENTERPRISE]);
  });

  it('sends roles of any type, and booleans as strings', async () => {
    const { body } = await entra.post('/Users', {
      userName: 'ann',
      active: 'True',
      roles: [{ primary: 'True', type: 'WindowsAzureActiveDirectoryRole', value: 'admin' }],
    });
    expect(body).toMatchObject({
      active: true,
      roles: [{ primary: true, type: 'WindowsAzureActiveDirectoryRole', value: 'admin' }],
    });
  });

  it.each([
    [{ op: 'Replace', path: 'active', value: 'False' }],
    [{ op: 'Replace', path: 'Active', value: 'false' }],
    [{ op: 'replace', path: 'active', value: false }],
    [{ op: 'replace', value: { active: false } }],
    [{ op: 'Add', path: `${USER}:active`, value: 'False' }],
  ])('deactivates with %j, and still finds the user', async (operation) => {
    const { body } = await entra.post('/Users', someone('ann'));
    const reply = await entra.patch(`/Users/${body.id}`, [operation]);
    expect([reply.status, reply.body.active]).toEqual([200, false]);
    expect((await find('Users', 'userName eq "ann"')).body).toMatchObject({
      totalResults: 1,
      Resources: [{ id: body.id, active: false }],
    });
  });

  it('looks users up by userName, externalId without quotes, and the work address', async () => {
    const { body } = await entra.post('/Users', someone('ann', { externalId: '1a2b-3c' }));
    for (const filter of [
      'userName eq "Ann"',
      'externalId eq 1a2b-3c',
      'externalId eq "1a2b-3c"',
      'emails[type eq "work"].value eq "ann@example.com"',
    ]) {
      expect((await find('Users', filter)).body).toMatchObject({
        totalResults: 1,
        Resources: [{ id: body.id }],
      });
    }
  });

  it('replaces values of elements that are not there yet', async () => {
    const { body } = await entra.post('/Users', { userName: 'ann' });
    const reply = await entra.patch(`/Users/${body.id}`, [
      { op: 'Replace', path: 'emails[type eq "work"].value', value: 'ann@example.com' },
      { op: 'Replace', path: 'emails[type eq "work"].primary', value: 'true' },
      { op: 'Add', path: 'phoneNumbers[type eq "mobile"].value', value: '+1 555' },
      { op: 'Replace', path: 'addresses[type eq "work"].locality', value: 'Oslo' },
      { op: 'Add', path: `${ENTERPRISE}:manager`, value: 'b1' },
      { op: 'Replace', path: 'name.givenName', value: 'Ann' },
    ]);
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({
      emails: [{ type: 'work', value: 'ann@example.com', primary: true }],
      phoneNumbers: [{ type: 'mobile', value: '+1 555' }],
      addresses: [{ type: 'work', locality: 'Oslo' }],
      name: { givenName: 'Ann' },
      [ENTERPRISE]: { manager: { value: 'b1' } },
    });
  });

  it('sends values without a path, with dotted and URN keys', async () => {
    const { body } = await entra.post('/Users', someone('ann'));
    const reply = await entra.patch(`/Users/${body.id}`, [
      {
        op: 'replace',
        value: {
          displayName: 'Ann Lee',
          'name.givenName': 'Ann',
          [`${ENTERPRISE}:employeeNumber`]: '7',
          nothingLikeIt: 'x',
        },
      },
    ]);
    expect(reply.body).toMatchObject({
      displayName: 'Ann Lee',
      name: { givenName: 'Ann', familyName: 'Jensen' },
      [ENTERPRISE]: { employeeNumber: '7' },
    });
    expect(await noted(entra)).toContain('nothingLikeIt');
  });

  it('an unknown path is refused, or noted where the connection ignores it', async () => {
    const operation = { op: 'add', path: 'favouriteColour', value: 'green' };
    const { body } = await entra.post('/Users', someone('ann'));
    expectScimError(await entra.patch(`/Users/${body.id}`, [operation]), 400, 'invalidPath');
    const tolerant = await endpoint.connect({ unknownAttributes: 'Ignore' });
    const made = await tolerant.post('/Users', someone('ann'));
    const reply = await tolerant.patch(`/Users/${made.body.id}`, [operation]);
    expect([reply.status, reply.body]).toEqual([200, made.body]);
    expect(await noted(tolerant)).toContain('favouriteColour');
  });

  it('one bad operation and nothing changes (RFC 7644 §3.5.2)', async () => {
    const { body } = await entra.post('/Users', someone('ann'));
    const reply = await entra.patch(`/Users/${body.id}`, [
      { op: 'Replace', path: 'title', value: 'Director' },
      { op: 'Replace', path: 'active', value: 'perhaps' },
    ]);
    expectScimError(reply, 400, 'invalidValue');
    expect((await entra.get(`/Users/${body.id}`)).body).toEqual(body);
    for (const userName of ['', null, ' ']) {
      const emptied = await entra.patch(`/Users/${body.id}`, [
        { op: 'Replace', path: 'userName', value: userName },
      ]);
      expect(emptied.status).toBe(400);
    }
  });

  it('posts a group with its own second schema, and no members', async () => {
    const reply = await entra.post('/Groups', {
      schemas: [GROUP, ADSCIM_GROUP],
      externalId: '8aa1a0c0',
      displayName: 'Sales',
      meta: { resourceType: 'Group' },
    });
    expect(reply.status).toBe(201);
    expect(reply.body).toMatchObject({ schemas: [GROUP], externalId: '8aa1a0c0', members: [] });
    expectScimError(await entra.post('/Groups', { displayName: 'sales' }), 409, 'uniqueness');
  });

  it('reads groups without their members', async () => {
    const [id = ''] = await entra.newUsers(1);
    const { body } = await entra.post('/Groups', { displayName: 'Sales', members: [{ value: id }] });
    const one = await entra.get(`/Groups/${body.id}?excludedAttributes=members`);
    expect(one.body).toMatchObject({ displayName: 'Sales' });
    expect(one.body).not.toHaveProperty('members');
    const list = await entra.get('/Groups?excludedAttributes=members&filter=displayName%20eq%20%22SALES%22');
    expect(list.body.Resources).toEqual([one.body]);
    const member = await find('Groups', `id eq "${body.id}" and members eq "${id}"`);
    expect(member.body.totalResults).toBe(1);
  });

  it('adds and removes members in every shape it has', async () => {
    const [a = '', b = '', c = ''] = await entra.newUsers(3);
    const { body } = await entra.post('/Groups', { displayName: 'Sales' });
    const patch = async (operation: object) => {
      const reply = await entra.patch(`/Groups/${body.id}`, [operation]);
      expect([reply.status, reply.text]).toEqual([204, '']);
      const { body: now } = await entra.get(`/Groups/${body.id}`);
      return now.members.map((member: { value: string }) => member.value).sort();
    };
    const value = [a, b, c].map((id) => ({ $ref: null, value: id }));
    expect(await patch({ op: 'Add', path: 'members', value })).toEqual([a, b, c].sort());
    expect(await patch({ op: 'Remove', path: 'members', value: [{ $ref: null, value: a }] })).toEqual(
      [b, c].sort(),
    );
    expect(await patch({ op: 'Remove', path: `members[value eq "${b}"]` })).toEqual([c]);
    expect(await patch({ op: 'Remove', path: `members[value eq "${b}"]` })).toEqual([c]);
    expect(await patch({ op: 'Replace', path: 'displayName', value: 'Sales EMEA' })).toEqual([c]);
  });

  it('answers a group PATCH with a body where attributes are asked for', async () => {
    const { body } = await entra.post('/Groups', { displayName: 'Sales' });
    const reply = await entra.patch(`/Groups/${body.id}?attributes=displayName`, [
      { op: 'Replace', path: 'displayName', value: 'S' },
    ]);
    expect([reply.status, reply.body]).toEqual([200, { schemas: [GROUP], id: body.id, displayName: 'S' }]);
  });
});
