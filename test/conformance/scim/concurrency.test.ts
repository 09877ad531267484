/** Many writers at once (RFC 7644 §3.5.2: a PATCH is atomic): nothing is lost, nothing is done twice. */

import { onEachDatabase } from '../../database.ts';
import { type Client, type EndpointUnderTest, someone, startEndpoint } from './endpoint.ts';

const WRITERS = 40;

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

  const numbers = Array.from({ length: WRITERS }, (_, n) => n);

  it('loses no member of many added, and none removed, at once', async () => {
    const ids = await idp.newUsers(WRITERS);
    const { body: group } = await idp.post('/Groups', { displayName: 'G' });
    const members = async () => (await idp.get(`/Groups/${group.id}`)).body;
    const added = await Promise.all(
      ids.map((id) =>
        idp.patch(`/Groups/${group.id}`, [{ op: 'add', path: 'members', value: [{ value: id }] }]),
      ),
    );
    expect(new Set(added.map(({ status }) => status))).toEqual(new Set([204]));
    expect((await members()).members).toHaveLength(WRITERS);
    expect((await members()).meta.version).toBe(`W/"${WRITERS + 1}"`);
    await Promise.all(
      ids
        .slice(1)
        .map((id) => idp.patch(`/Groups/${group.id}`, [{ op: 'remove', path: `members[value eq "${id}"]` }])),
    );
    expect((await members()).members).toMatchObject([{ value: ids[0] }]);
  });

  it('makes one user of many created at once', async () => {
    const replies = await Promise.all(numbers.map(() => idp.post('/Users', someone('ann'))));
    const statuses = replies.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array(WRITERS - 1).fill(409)]);
    expect((await idp.get('/Users?count=0')).body.totalResults).toBe(1);
  });

  it('loses no attribute of many patched at once', async () => {
    const { body } = await idp.post('/Users', { userName: 'ann' });
    await Promise.all(
      numbers.map((n) =>
        idp.patch(`/Users/${body.id}`, [{ op: 'add', path: 'entitlements', value: [{ value: `e${n}` }] }]),
      ),
    );
    const { body: now } = await idp.get(`/Users/${body.id}`);
    expect(now.entitlements).toHaveLength(WRITERS);
    expect(now.meta.version).toBe(`W/"${WRITERS + 1}"`);
  });

  it('lets one of many with the same If-Match through', async () => {
    const { body } = await idp.post('/Users', someone('ann'));
    const replies = await Promise.all(
      numbers.map((n) =>
        idp.put(`/Users/${body.id}`, { ...body, title: `t${n}` }, { 'If-Match': body.meta.version }),
      ),
    );
    const statuses = replies.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array(WRITERS - 1).fill(412)]);
  });

  it('settles deletions of members and of their groups that cross', async () => {
    const ids = await idp.newUsers(10);
    const members = ids.map((value) => ({ value }));
    const made = await Promise.all(
      [1, 2, 3, 4, 5].map((n) => idp.post('/Groups', { displayName: `G${n}`, members })),
    );
    const groups = made.map(({ body }) => body.id);
    const replies = await Promise.all([
      ...ids.map((id) => idp.delete(`/Users/${id}`)),
      ...groups.map((id) => idp.patch(`/Groups/${id}`, [{ op: 'remove', path: 'members' }])),
      ...groups.map((id) => idp.delete(`/Groups/${id}`)),
    ]);
    expect(replies.filter(({ status }) => status >= 500)).toEqual([]);
    expect((await idp.get('/Users?count=0')).body.totalResults).toBe(0);
    expect((await idp.get('/Groups?count=0')).body.totalResults).toBe(0);
    expect(await endpoint.db('group_members').whereIn('group_id', groups)).toEqual([]);
  });

  it('§6.1 keeps every location right while connections take turns', async () => {
    const others = await Promise.all(numbers.slice(0, 5).map(() => endpoint.connect()));
    const replies = await Promise.all(
      others.flatMap((client) => numbers.slice(0, 10).map((n) => client.post('/Users', someone(`user${n}`)))),
    );
    for (const { body } of replies) {
      expect(body.meta.location).toBe(`https://bridge.example.com/scim/v2/Users/${body.id}`);
    }
  });
});
