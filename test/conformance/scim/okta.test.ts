/** What Okta sends, line by line of its SCIM 2.0 protocol reference. */

import { onEachDatabase } from '../../database.ts';
import {
  BASE,
  type Client,
  type EndpointUnderTest,
  expectScimError,
  GROUP,
  someone,
  startEndpoint,
  USER,
} from './endpoint.ts';

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let okta: Client;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
  });
  beforeEach(async () => {
    okta = await endpoint.connect();
  });
  afterAll(() => endpoint.close());

  it('is what Okta wants to see before an app goes live', async () => {
    const list = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
    const named = (userName: string) =>
      okta.get(`/Users?${new URLSearchParams({ filter: `userName eq "${userName}"` })}`);
    const { body: known } = await okta.post('/Users', someone('known'));
    // One page of one user, who has everything that an Okta profile needs.
    const { body: page } = await okta.get('/Users?count=1&startIndex=1');
    expect(page).toEqual({
      schemas: [list],
      totalResults: 1,
      startIndex: 1,
      itemsPerPage: 1,
      Resources: [known],
    });
    expect(page.Resources[0]).toMatchObject({
      id: expect.stringMatching(/./),
      userName: 'known',
      name: { givenName: 'Barbara', familyName: 'Jensen' },
      emails: [{ value: 'known@example.com' }],
      active: true,
    });
    expect((await okta.get(`/Users/${known.id}`)).body).toEqual(known);
    // Nobody of that name is an empty list; nobody of that id is an error with a reason.
    expect((await named('nobody@example.com')).body).toMatchObject({ schemas: [list], totalResults: 0 });
    expectScimError(await okta.get('/Users/00919288221112222'), 404);
    // A new user reads back as it was made, under its name in any case, and cannot be made twice.
    const made = await okta.post('/Users', someone('runner@example.com'));
    expect(made.status).toBe(201);
    expect((await okta.get(`/Users/${made.body.id}`)).body).toEqual(made.body);
    expect((await named('RUNNER@EXAMPLE.COM')).body.totalResults).toBe(1);
    expectScimError(await okta.post('/Users', someone('runner@example.com')), 409, 'uniqueness');
    expect((await okta.get('/Groups')).body).toMatchObject({ schemas: [list], totalResults: 0 });
    expectScimError(await okta.get('/Users', { Authorization: 'Bearer not-the-token' }), 401);
  });

  it('looks a user up by userName and finds an empty list of integers', async () => {
    const reply = await okta.get('/Users?filter=userName%20eq%20%22nobody%22&startIndex=1&count=100');
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: 0,
      startIndex: 1,
      itemsPerPage: 0,
      Resources: [],
    });
  });

  it('§3.1 §3.3 creates a user with locale, externalId, groups and a password that is never kept', async () => {
    const password = '1mz050nq';
    const kept = someone('barbara@example.com', { locale: 'en-US', externalId: '00u1', groups: [] });
    const reply = await okta.post('/Users', { ...kept, password });
    expect(reply.status).toBe(201);
    const location = `${BASE}/Users/${reply.body.id}`;
    expect(reply.headers.get('location')).toBe(location);
    expect(reply.body).toEqual({
      ...kept,
      id: expect.any(String),
      meta: {
        resourceType: 'User',
        created: expect.any(String),
        lastModified: expect.any(String),
        location,
        version: 'W/"1"',
      },
    });
    const row = await endpoint.db('users').where({ id: reply.body.id }).first();
    const events = await endpoint.db('events');
    expect(JSON.stringify([row, events])).not.toContain(password);
  });

  it('§3.3.1 finds a userName in any case, and refuses it in any case', async () => {
    const { body } = await okta.post('/Users', someone('Barbara@Example.com'));
    const found = await okta.get('/Users?filter=userName%20eq%20%22BARBARA@example.COM%22');
    expect(found.body.Resources.map((user: { id: string }) => user.id)).toEqual([body.id]);
    expectScimError(await okta.post('/Users', someone('bArbara@example.com')), 409, 'uniqueness');
  });

  it('§3.4.1 answers 404 for a user that is not there', async () => {
    expectScimError(await okta.get('/Users/00919288221112222'), 404);
  });

  it('keeps one order from page to page', async () => {
    const ids = await okta.newUsers(7);
    const paged: string[] = [];
    for (const startIndex of [1, 4, 7]) {
      const { body } = await okta.get(`/Users?startIndex=${startIndex}&count=3`);
      expect(body).toMatchObject({ totalResults: 7, startIndex });
      expect(body.itemsPerPage).toBe(body.Resources.length);
      paged.push(...body.Resources.map((user: { id: string }) => user.id));
    }
    expect([...paged].sort()).toEqual([...ids].sort());
    expect(new Set(paged).size).toBe(7);
  });

  it('changes a user as wizard apps do: GET, then PUT of the whole body', async () => {
    const made = await okta.post('/Users', someone('wizard', { externalId: '00u2' }));
    const { body } = await okta.get(`/Users/${made.body.id}`);
    const moved = await okta.put(`/Users/${body.id}`, { ...body, title: 'Director', password: 'x' });
    expect(moved.status).toBe(200);
    expect(moved.body).toMatchObject({ id: body.id, title: 'Director', externalId: '00u2', active: true });
    expect(moved.text).not.toContain('password');
    const left = await okta.put(`/Users/${body.id}`, { ...moved.body, active: false });
    expect(left.status).toBe(200);
    expect(left.body.active).toBe(false);
    const again = await okta.put(`/Users/${body.id}`, left.body);
    expect(again.body).toEqual(left.body);
  });

  it('deactivates a user as catalogue apps do: PATCH replace without a path', async () => {
    const { body } = await okta.post('/Users', someone('catalogue'));
    const reply = await okta.patch(`/Users/${body.id}`, [{ op: 'replace', value: { active: false } }]);
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ id: body.id, userName: 'catalogue', active: false });
    const found = await okta.get('/Users?filter=userName%20eq%20%22catalogue%22');
    expect(found.body).toMatchObject({ totalResults: 1, Resources: [{ active: false }] });
  });

  it('makes a group without members, renames it, and deletes it', async () => {
    const made = await okta.post('/Groups', { schemas: [GROUP], displayName: 'Sales', members: [] });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ schemas: [GROUP], displayName: 'Sales', members: [] });
    const { id } = made.body;
    const renamed = await okta.patch(`/Groups/${id}`, [
      { op: 'replace', value: { id, displayName: 'Sales EMEA' } },
    ]);
    expect((await okta.get(`/Groups/${id}`)).body.displayName).toBe('Sales EMEA');
    for (const { status, headers } of [renamed, await okta.delete(`/Groups/${id}`)]) {
      expect(status).toBe(204);
      expect(headers.get('content-type')).toMatch(/^application\/scim\+json/);
    }
    expectScimError(await okta.get(`/Groups/${id}`), 404);
  });

  it('moves members within one PATCH and pushes the whole list', async () => {
    const [a = '', b = '', c = ''] = await okta.newUsers(3);
    const { body: group } = await okta.post('/Groups', {
      schemas: [GROUP],
      displayName: 'Team',
      members: [{ value: a }],
    });
    const members = async () =>
      (await okta.get(`/Groups/${group.id}`)).body.members.map((member: { value: string }) => member.value);
    const moved = await okta.patch(`/Groups/${group.id}`, [
      { op: 'remove', path: `members[value eq "${a}"]` },
      { op: 'add', path: 'members', value: [{ value: b, display: 'user2' }] },
    ]);
    expect([200, 204]).toContain(moved.status);
    expect(await members()).toEqual([b]);
    await okta.patch(`/Groups/${group.id}`, [
      { op: 'replace', path: 'members', value: [{ value: a }, { value: c }] },
    ]);
    expect((await members()).sort()).toEqual([a, c].sort());
    await okta.patch(`/Groups/${group.id}`, [{ op: 'replace', path: 'members', value: [] }]);
    expect(await members()).toEqual([]);
  });

  it('replaces a group as wizard apps do: PUT', async () => {
    const [a = '', b = ''] = await okta.newUsers(2);
    const { body: group } = await okta.post('/Groups', { displayName: 'Ops', members: [{ value: a }] });
    const reply = await okta.put(`/Groups/${group.id}`, {
      schemas: [GROUP],
      id: group.id,
      displayName: 'Operations',
      members: [{ value: b, display: 'user2' }],
      meta: group.meta,
    });
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({
      displayName: 'Operations',
      members: [{ value: b, $ref: `${BASE}/Users/${b}`, display: 'user2', type: 'User' }],
    });
  });

  it("§4.1.2 lists a user's groups, read only", async () => {
    const [id = ''] = await okta.newUsers(1);
    const { body: group } = await okta.post('/Groups', { displayName: 'Readers', members: [{ value: id }] });
    const { body } = await okta.get(`/Users/${id}`);
    expect(body.groups).toEqual([
      { value: group.id, $ref: `${BASE}/Groups/${group.id}`, display: 'Readers', type: 'direct' },
    ]);
    const put = await okta.put(`/Users/${id}`, { ...body, groups: [] });
    expect(put.body.groups).toHaveLength(1);
    expect(put.body.schemas).toEqual([USER]);
  });
});
