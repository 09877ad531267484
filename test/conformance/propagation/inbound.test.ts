/** What a connection's attribute mapping does to stores, and that the identity provider sees nothing of it. */

import { startWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

async function configure(mapping: readonly unknown[]) {
  const { body } = await world.bridge.admin('GET', '/connections');
  const [connection] = body._embedded.connections;
  const path = `/connections/${connection.id}/scim-configuration`;
  const reply = await world.bridge.admin('PUT', path, { mapping });
  expect(reply.status).toBe(200);
  await world.settled();
}

it('feeds stores from where the mapping says, and answers what was sent', async () => {
  await world.add('Demo');
  const jane = await world.join('jane', { title: 'Engineer', userType: 'Contractor' });
  expect(await world.account('Demo', 'jane')).toMatchObject({ title: 'Engineer' });
  const before = await world.bridge.scim('GET', `/Users/${jane}`);
  await world.forget();

  await configure([{ attribute: 'title', scim: 'userType' }]);
  expect(await world.account('Demo', 'jane')).toMatchObject({ title: 'Contractor' });
  expect(await world.writes('Demo')).toEqual(['update']);
  expect((await world.bridge.scim('GET', `/Users/${jane}`)).body).toEqual(before.body);

  await world.patch(`/Users/${jane}`, { op: 'replace', path: 'userType', value: 'Employee' });
  expect(await world.account('Demo', 'jane')).toMatchObject({ title: 'Employee' });
  await configure([]);
  expect(await world.account('Demo', 'jane')).toMatchObject({ title: 'Engineer' });
});

it('knows people by an address that comes in another place', async () => {
  await configure([{ attribute: 'primaryEmail', scim: 'externalId' }]);
  await world.add('Demo');
  const joe = await world.join('joe', { emails: [], externalId: 'joe@acme.example' });
  expect(await world.status('Demo', joe)).toMatchObject({ status: 'synced', origin: 'created' });

  await configure([]);
  expect(await world.account('Demo', 'joe')).toMatchObject({ enabled: true });
});

it('writes the addresses that people are found by anew', async () => {
  const jane = await world.join('jane', { externalId: 'JANE@other.example' });
  const found = () => world.bridge.db('users').where({ id: jane }).first('primary_email_lower', 'version');
  await configure([{ attribute: 'primaryEmail', scim: 'externalId' }]);
  expect(await found()).toMatchObject({ primary_email_lower: 'jane@other.example', version: 1 });
  await configure([]);
  expect(await found()).toMatchObject({ primary_email_lower: 'jane@acme.example', version: 1 });
});
