/** Rules over HTTP: who enters and leaves scope, what that does to accounts, and what a change of rules may do. */

import { person, type Reply } from '../../bridge.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

const RULES = '/propagation/rules';
const engineers = { name: 'Engineers', populationExpression: 'title eq "Engineer"' };

async function rule(body: Record<string, unknown>, query = ''): Promise<Reply> {
  const storeId = world.id('Demo');
  const reply = await world.bridge.admin('POST', `${RULES}${query}`, { storeId, active: true, ...body });
  await world.settled();
  return reply;
}

async function change(method: 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Reply> {
  const reply = await world.bridge.admin(method, `${RULES}/${path}`, body);
  await world.settled();
  return reply;
}

function retitle(id: string, title: string) {
  return world.patch(`/Users/${id}`, { op: 'replace', path: 'title', value: title });
}

async function crowd(count: number, more: Record<string, unknown> = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    const reply = await world.bridge.scim('POST', '/Users', person(`p${n}`, more));
    ids.push(reply.body.id);
  }
  await world.settled();
  return ids;
}

async function enabled(): Promise<number> {
  const rows = await world.bridge.db('demo_accounts').where({ store_id: world.id('Demo') });
  return rows.filter((row) => Boolean(row.enabled)).length;
}

describe('a title that decides', () => {
  it('takes the membership that ended while the person was out and kept the account', async () => {
    await world.add('Demo', { DEPROVISION_USERS: false });
    expect((await rule({ ...engineers, populationExpression: 'title pr' })).status).toBe(201);
    const jane = await world.join('jane', { title: 'Engineer' });
    const staff = await world.group('Staff', [jane]);
    await world.patch(`/Users/${jane}`, { op: 'remove', path: 'title' });
    await world.patch(`/Groups/${staff}`, { op: 'remove', path: 'members' });
    expect(await world.members('Demo', 'Staff')).toEqual(['jane']);
    await retitle(jane, 'Manager');
    expect(await world.members('Demo', 'Staff')).toEqual([]);
  });

  it('moves a person out, and back in with all that hung on them', async () => {
    await world.add('Demo');
    expect((await rule(engineers)).status).toBe(201);
    const jane = await world.join('jane', { title: 'Engineer' });
    const joe = await world.join('joe', { title: 'Clerk' });
    await world.group('Staff', [jane, joe]);
    const account = await world.account('Demo', 'jane');
    expect(account).toMatchObject({ enabled: true });
    expect(await world.account('Demo', 'joe')).toBeNull();
    expect(await world.status('Demo', joe)).toMatchObject({
      status: 'unsynced',
      reason: 'is out of scope: no active rule of Demo includes this person',
    });

    await world.forget();
    await retitle(jane, 'Clerk');
    expect(await world.writes('Demo')).toEqual(['disable']);
    expect(await world.members('Demo', 'Staff')).toEqual(['jane']);

    await world.forget();
    await retitle(jane, 'Engineer');
    expect(await world.writes('Demo')).toEqual(['enable']);
    expect(await world.account('Demo', 'jane')).toMatchObject({ id: account?.id, enabled: true });
    expect(await world.members('Demo', 'Staff')).toEqual(['jane']);
    expect(await world.status('Demo', jane)).toMatchObject({ status: 'synced' });
  });

  it('says that somebody is out of scope where DEPROVISION_USERS is off', async () => {
    await world.add('Demo', { DEPROVISION_USERS: false });
    await rule(engineers);
    const jane = await world.join('jane', { title: 'Engineer' });
    await retitle(jane, 'Clerk');
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: true });
    expect(await world.status('Demo', jane)).toMatchObject({
      status: 'unsynced',
      reason: 'jane@acme.example is out of scope, and DEPROVISION_USERS is off',
    });
  });

  it('holds a bulk request whole that moves out more people than the limit', async () => {
    await world.add('Demo');
    await rule(engineers);
    const ids = await crowd(30, { title: 'Engineer' });
    expect(await enabled()).toBe(30);
    await world.store('Demo', 'POST', '/pause');
    const bulk = await world.bridge.scim('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: ids.slice(0, 25).map((id) => ({
        method: 'PATCH',
        path: `/Users/${id}`,
        data: {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: [{ op: 'replace', path: 'title', value: 'Clerk' }],
        },
      })),
    });
    expect(bulk.status).toBe(200);
    await world.store('Demo', 'POST', '/resume');
    await world.settled();
    expect(await enabled()).toBe(30);
    expect((await world.store('Demo', 'GET', '/held')).body.count).toBe(25);
  });
});

describe('a group that decides', () => {
  it('lets its members in and out as they come and go, and provisions no other group', async () => {
    await world.add('Demo');
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    const sales = await world.group('Sales', [jane]);
    await world.group('Other', [jane]);
    expect(await world.members('Demo', 'Other')).toEqual(['jane']);
    const saved = await rule({ name: 'Sales', groups: [{ id: sales }] });
    expect(saved.body).toMatchObject({ groups: [{ id: sales }], impact: { entering: 0, leaving: 1 } });
    expect(await world.account('Demo', 'joe')).toMatchObject({ enabled: false });
    expect(await world.members('Demo', 'Other')).toEqual([]);
    expect(await world.members('Demo', 'Sales')).toEqual(['jane']);

    const anna = await world.join('anna');
    expect(await world.account('Demo', 'anna')).toBeNull();
    await world.forget();
    const added = await world.patch(`/Groups/${sales}`, {
      op: 'add',
      path: 'members',
      value: [{ value: joe }, { value: anna }],
    });
    expect(new Set(await world.writes('Demo'))).toEqual(new Set(['create', 'enable', 'grant']));
    expect(await world.members('Demo', 'Sales')).toEqual(['anna', 'jane', 'joe']);
    const caused = await world.bridge.admin(
      'GET',
      `/events?kind=change.create&correlationId=${added.headers.get('x-correlation-id')}`,
    );
    expect(caused.body._embedded.events).toHaveLength(1);

    await world.forget();
    await world.patch(`/Groups/${sales}`, { op: 'remove', path: `members[value eq "${jane}"]` });
    expect(await world.writes('Demo')).toEqual(['disable']);
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
  });

  it('emptied beyond the limit is held whole, and refilled nothing is left to decide', async () => {
    await world.add('Demo');
    const ids = await crowd(30);
    const staff = await world.group('Staff', ids);
    await rule({ name: 'Staff', groups: [{ id: staff }] });
    await world.forget();
    await world.patch(`/Groups/${staff}`, { op: 'remove', path: 'members' });
    expect(await enabled()).toBe(30);
    expect(await world.writes('Demo')).toEqual([]);
    const held = await world.store('Demo', 'GET', '/held');
    expect(held.body.count).toBe(30);
    expect(held.body._embedded.held[0].reason).toContain('30 people');

    // Another change of the group is a cause of its own, and counts nobody twice.
    const [first = ''] = ids;
    await world.patch(`/Groups/${staff}`, { op: 'add', path: 'members', value: [{ value: first }] });
    expect((await world.store('Demo', 'GET', '/held')).body.count).toBe(29);
    await world.patch(`/Groups/${staff}`, {
      op: 'add',
      path: 'members',
      value: ids.slice(1).map((value) => ({ value })),
    });
    expect((await world.store('Demo', 'GET', '/held')).body.count).toBe(0);
    expect(await world.syncStatus('Demo')).toMatchObject({ heldCount: 0, successCount: 30 });
    expect(await world.writes('Demo')).toEqual([]);
  });

  it('gives the whole group its losses back to the queue once they are approved', async () => {
    await world.add('Demo');
    const ids = await crowd(12);
    const staff = await world.group('Staff', ids);
    await rule({ name: 'Staff', groups: [{ id: staff }] });
    await world.remove(`/Groups/${staff}`);
    expect(await enabled()).toBe(12);
    await world.store('Demo', 'POST', '/held/approve', { all: true });
    await world.settled();
    expect(await enabled()).toBe(0);
  });
});

describe('saving a rule', () => {
  it('answers with its impact, and with preview=true does nothing else', async () => {
    await world.add('Demo');
    await world.join('jane', { title: 'Engineer' });
    await world.join('joe', { title: 'Clerk' });
    await world.forget();
    const preview = await rule(engineers, '?preview=true');
    expect(preview.status).toBe(200);
    expect(preview.body).toEqual({
      impact: {
        entering: 0,
        leaving: 1,
        summary: expect.objectContaining({ disable: 1, create: 0, revoke: 0, held: 0 }),
      },
    });
    expect((await world.bridge.admin('GET', RULES)).body).toMatchObject({ count: 0 });
    expect(await world.writes('Demo')).toEqual([]);

    const saved = await rule(engineers);
    expect(saved.body).toMatchObject({ ...engineers, active: true, impact: { entering: 0, leaving: 1 } });
    expect(await world.writes('Demo')).toEqual(['disable']);
    const own = await world.bridge.admin('GET', `${RULES}/${saved.body.id}`);
    expect(own.body).toMatchObject({ ...engineers, groups: [] });
    const renamed = await change('PUT', saved.body.id, { ...own.body, name: 'Builders' });
    expect(renamed.body).toMatchObject({ name: 'Builders', impact: { entering: 0, leaving: 0 } });
    const events = await world.bridge.admin('GET', `/events?storeId=${world.id('Demo')}`);
    const kinds = events.body._embedded.events.map((event: { kind: string }) => event.kind);
    expect(kinds).toEqual(expect.arrayContaining(['rule.created', 'rule.updated']));
  });

  it('is one cause for the brake: a rule that drops 25 of 30 is held whole', async () => {
    await world.add('Demo');
    await crowd(30, { title: 'Clerk' });
    const some = await world.bridge.scim('GET', '/Users?count=5');
    for (const { id } of some.body.Resources) await retitle(id, 'Engineer');
    const preview = await rule(engineers, '?preview=true');
    expect(preview.body.impact).toMatchObject({ leaving: 25, summary: { disable: 25, held: 25 } });
    const saved = await rule(engineers);
    expect(await enabled()).toBe(30);
    expect((await world.store('Demo', 'GET', '/held')).body.count).toBe(25);
    await world.join('newcomer', { title: 'Engineer' });
    expect(await world.account('Demo', 'newcomer')).toMatchObject({ enabled: true });
    await change('DELETE', `${saved.body.id}?widen=true`);
    expect((await world.store('Demo', 'GET', '/held')).body.count).toBe(0);
    expect(await enabled()).toBe(31);
  });

  it('wants widen=true where nothing would say any more who is in scope', async () => {
    await world.add('Demo');
    await world.join('jane', { title: 'Engineer' });
    await world.join('joe', { title: 'Clerk' });
    const { body } = await rule(engineers);
    const { id } = body;
    const refused = await change('DELETE', id);
    expect(refused.status).toBe(409);
    expect(refused.body.detail).toContain('1 person would enter');
    const replacement = { ...engineers, storeId: world.id('Demo'), active: false };
    expect((await change('PUT', id, replacement)).status).toBe(409);
    expect(await world.account('Demo', 'joe')).toMatchObject({ enabled: false });
    expect((await change('PUT', `${id}?widen=true`, replacement)).status).toBe(200);
    expect(await world.account('Demo', 'joe')).toMatchObject({ enabled: true });
    expect((await change('DELETE', id)).status).toBe(204);
    expect((await change('DELETE', id)).status).toBe(404);
  });

  it('refuses what no rule can mean, and other tenants', async () => {
    await world.add('Demo');
    const storeId = world.id('Demo');
    const pointers = async (body: Record<string, unknown>) => {
      const reply = await rule({ name: 'x', ...body });
      expect(reply.status).toBe(400);
      return reply.body.errors.map((error: { pointer: string }) => error.pointer);
    };
    expect(await pointers({ populationExpression: 'title eq' })).toEqual(['/populationExpression']);
    expect(await pointers({ populationExpression: 'titel eq "x"' })).toEqual(['/populationExpression']);
    expect(await pointers({ populationExpression: 'active gt true' })).toEqual(['/populationExpression']);
    expect(await pointers({ populationExpression: 'groups.value eq "x"' })).toEqual([
      '/populationExpression',
    ]);
    expect(await pointers({ groups: [{ id: 'nobody' }] })).toEqual(['/groups/0/id']);
    expect(await pointers({ storeId: 'nowhere', groups: [{ id: 'nobody' }] })).toEqual([
      '/groups/0/id',
      '/storeId',
    ]);
    expect(await pointers({ colour: 'red' })).toEqual(['/colour']);
    const { body } = await rule({ name: 'all' });
    const { id } = body;
    const other = await fetch(`${world.bridge.url}/v1/environments`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.bridge.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'other' }),
    });
    const { id: otherId } = (await other.json()) as { id: string };
    for (const path of [`rules/${id}`, `stores/${storeId}/mappings`]) {
      const answer = await fetch(`${world.bridge.url}/v1/environments/${otherId}/propagation/${path}`, {
        headers: { authorization: `Bearer ${world.bridge.adminToken}` },
      });
      expect(answer.status).toBe(404);
    }
  });
});
