/** What Auth0, JumpCloud, PingOne, OneLogin and others send. */

import { onEachDatabase } from '../../database.ts';
import { type Client, type EndpointUnderTest, someone, startEndpoint } from './endpoint.ts';

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

  const find = (resource: string, filter: string) =>
    idp.get(`/${resource}?filter=${encodeURIComponent(filter)}`);

  it('Auth0: create, find by externalId, PUT, find, DELETE', async () => {
    const externalId = 'auth0|65f0c2d1a0';
    expect((await idp.post('/Users', someone('ann', { externalId }))).status).toBe(201);
    const found = await find('Users', `externalId eq "${externalId}"`);
    const [user] = found.body.Resources;
    const put = await idp.put(`/Users/${user.id}`, someone('ann', { externalId, displayName: 'Ann' }));
    expect(put.body).toMatchObject({ id: user.id, externalId, displayName: 'Ann' });
    expect((await idp.delete(`/Users/${user.id}`)).status).toBe(204);
    expect((await find('Users', `externalId eq "${externalId}"`)).body.totalResults).toBe(0);
  });

  it('JumpCloud: test connection makes and deletes a user and a group', async () => {
    const user = await idp.post('/Users', someone('jumpcloudtestuser'));
    const group = await idp.post('/Groups', { displayName: 'jumpcloudtestgroup' });
    const added = await idp.patch(`/Groups/${group.body.id}`, [
      { op: 'add', path: 'members', value: [{ value: user.body.id }] },
    ]);
    expect(added.status).toBe(204);
    const removed = await idp.patch(`/Groups/${group.body.id}`, [
      { op: 'remove', path: 'members', value: [{ value: user.body.id }] },
    ]);
    expect(removed.status).toBe(204);
    expect((await idp.get(`/Groups/${group.body.id}`)).body.members).toEqual([]);
    expect((await idp.delete(`/Groups/${group.body.id}`)).status).toBe(204);
    expect((await idp.delete(`/Users/${user.body.id}`)).status).toBe(204);
  });

  it('PingOne: looks up by the multi-valued attribute itself', async () => {
    const { body } = await idp.post('/Users', someone('ann'));
    expect((await find('Users', 'emails eq "ANN@example.com"')).body.Resources).toMatchObject([
      { id: body.id },
    ]);
  });

  it('OneLogin: plain POST, PUT, PATCH and DELETE by userName', async () => {
    await idp.post('/Users', someone('ann'));
    const [user] = (await find('Users', 'userName eq "ann"')).body.Resources;
    expect((await idp.put(`/Users/${user.id}`, { ...user, title: 'x' })).body.title).toBe('x');
    const patched = await idp.patch(`/Users/${user.id}`, [{ op: 'replace', value: { active: false } }]);
    expect(patched.body.active).toBe(false);
    expect((await idp.delete(`/Users/${user.id}`)).status).toBe(204);
  });

  it('others: empty attributes, a lower-case scheme, groups by member, JSON as plain application/json', async () => {
    const { body } = await idp.post('/Users', someone('ann'), { 'Content-Type': 'application/json' });
    expect((await idp.get(`/Users/${body.id}?attributes=`)).body).toEqual(body);
    const lower = await idp.get(`/Users/${body.id}`, { Authorization: `bearer ${idp.token}` });
    expect(lower.status).toBe(200);
    const { body: group } = await idp.post('/Groups', { displayName: 'G', members: [{ value: body.id }] });
    const found = await find('Groups', `members.value eq "${body.id}"`);
    expect(found.body).toMatchObject({ totalResults: 1, Resources: [{ id: group.id }] });
    const pathless = await idp.patch(`/Groups/${group.id}`, [
      { op: 'add', value: { members: [{ value: body.id }] } },
    ]);
    expect(pathless.status).toBe(204);
  });
});
