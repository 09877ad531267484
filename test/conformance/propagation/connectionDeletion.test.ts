/** A connection goes: its people leave every store under the brake, or are only forgotten. */

import type { Dialect } from '../../../src/db/open.ts';
import { type MovableClock, movableClock, person } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { type Connection, connect, firstConnection } from './connections.ts';
import { startWorld, type World } from './world.ts';

const DAY_MS = 24 * 60 * 60_000;

describe.each(PLAYED)('on %s', (dialect: Dialect) => {
  let world: World;
  let clock: MovableClock;
  let okta: Connection;
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
    okta = await firstConnection(world);
  });
  afterEach(() => world.stop());

  const remove = (connection: Connection, query = '') =>
    world.bridge.admin('DELETE', `/connections/${connection.id}${query}`);
  const read = (connection: Connection) => world.bridge.admin('GET', `/connections/${connection.id}`);
  const enabled = async (name: string) => (await world.account('Demo', name))?.enabled;
  const kinds = async (query: string) =>
    (await world.bridge.admin('GET', `/events?${query}&limit=200`)).body._embedded.events.map(
      (event: { kind: string }) => event.kind,
    );

  /** Turns until nothing of a deletion is left to do. */
  async function finished(): Promise<void> {
    await world.settled();
    await world.bridge.turn();
  }

  it('says whom it concerns, and changes nothing, until somebody confirms', async () => {
    await world.add('Demo');
    await okta.group('engineering', [await okta.join('jane'), await okta.join('joe')]);
    const entra = await connect(world, 'entra', { matchPeople: true });
    await entra.join('jane');
    for (const query of ['', '?confirm=false', '?keepAccounts=true']) {
      const refused = await remove(okta, query);
      expect(refused.status).toBe(409);
      expect(refused.body.detail).toContain('2 users and 1 group');
      expect(refused.body.detail).toContain('1 person leaves the directory');
      expect(refused.body.detail).toContain('1 on Demo');
      expect(refused.body.detail).toContain('1 of the users stay through another connection');
      expect(refused.body.detail).toContain('?confirm=true');
    }
    expect((await remove(okta, '?confirm=yes')).status).toBe(400);
    expect((await read(okta)).body).toMatchObject({ status: 'ACTIVE', isPrimary: true });
    expect((await okta.scim('GET', '/Users')).body.totalResults).toBe(2);
  });

  it('takes its people out of the stores, and is gone when they are', async () => {
    await world.add('Demo');
    const jane = await okta.join('jane');
    await okta.join('joe', { active: false });
    await okta.group('engineering', [jane]);
    const reply = await remove(okta, '?confirm=true');
    expect([reply.status, reply.body.status]).toEqual([202, 'DELETING']);
    expect((await okta.scim('GET', '/Users')).status).toBe(401);
    await finished();
    expect((await read(okta)).status).toBe(404);
    expect(await enabled('jane')).toBe(false);
    expect(await world.members('Demo', 'engineering')).toEqual([]);
    expect((await world.bridge.admin('GET', '/users')).body.count).toBe(0);
    expect((await world.bridge.admin('GET', '/groups')).body.count).toBe(0);
    const correlationId = reply.headers.get('x-correlation-id');
    expect((await kinds(`correlationId=${correlationId}`)).sort()).toEqual([
      'change.disable',
      'change.revoke',
      'connection.deleted',
      'connection.deleting',
      'group.deleted',
      'group.detached',
      'sync.done',
      'user.deleted',
      'user.deleted',
    ]);
    const [deleted] = (await world.bridge.admin('GET', '/events?kind=connection.deleted')).body._embedded
      .events;
    expect(deleted).toMatchObject({ actor: { type: 'admin' }, after: { users: 2, groups: 1 } });
    // Its name is free, and whoever comes first is the primary one.
    const again = await world.bridge.admin('POST', '/connections', { name: 'default', strategy: 'okta' });
    expect([again.status, again.body.isPrimary]).toEqual([201, true]);
  });

  it('waits for what the brake holds, and leaves alone what is discarded', async () => {
    await world.add('Demo', { BRAKE_PERCENT: 10, BRAKE_MIN: 1 });
    for (const name of ['jane', 'joe', 'jim']) await okta.join(name);
    await world.forget();
    expect((await remove(okta, '?confirm=true')).status).toBe(202);
    await finished();
    expect(await world.writes('Demo')).toEqual([]);
    expect((await read(okta)).body).toMatchObject({
      status: 'DELETING',
      deletion: {
        keepAccounts: false,
        usersGone: 3,
        waitsFor: [{ store: { id: world.id('Demo'), name: 'Demo' }, pending: 0, held: 3, parked: 0 }],
      },
    });
    const { held } = (await world.store('Demo', 'GET', '/held')).body._embedded;
    expect(held).toHaveLength(3);
    await world.store('Demo', 'POST', '/held/approve', { ids: [held[0].id] });
    await world.store('Demo', 'POST', '/held/discard', { ids: [held[1].id] });
    await finished();
    expect((await read(okta)).body.status).toBe('DELETING');
    await world.store('Demo', 'POST', '/held/discard', { ids: [held[2].id] });
    await finished();
    expect((await read(okta)).status).toBe(404);
    const left = await Promise.all(['jane', 'joe', 'jim'].map(enabled));
    expect(left.filter((one) => one === true)).toHaveLength(2);
    // Nor does a sync take them up again.
    await world.forget();
    await world.store('Demo', 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes('Demo')).toEqual([]);
  });

  it('takes nothing from people whom another connection has, who speaks for them from then on', async () => {
    await world.add('Demo');
    const jane = await okta.join('jane', { title: 'Engineer' });
    await okta.join('joe');
    const entra = await connect(world, 'entra', { matchPeople: true });
    const again = await entra.join('jane', { title: 'Director' });
    await entra.group('staff', [again]);
    expect(await world.account('Demo', 'jane')).toMatchObject({ title: 'Engineer' });
    await world.forget();
    await remove(okta, '?confirm=true');
    await finished();
    expect((await world.writes('Demo')).sort()).toEqual(['disable', 'update']);
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: true, title: 'Director' });
    expect(await world.members('Demo', 'staff')).toEqual(['jane']);
    expect((await world.bridge.admin('GET', `/connections/${entra.id}`)).body.isPrimary).toBe(true);
    expect((await world.bridge.admin('GET', `/users/${jane}`)).status).toBe(404);
    expect(await kinds('kind=connection.updated')).toHaveLength(1);
  });

  it('only forgets where accounts are kept, whatever a sync or an event finds later', async () => {
    const store = await world.add('Demo', { REMOVE_ACTION: 'Delete', REMOVE_AFTER_DAYS: 30 });
    const jane = await okta.join('jane');
    const gone = await okta.join('gone');
    await okta.group('engineering', [jane]);
    await okta.remove(`/Users/${gone}`);
    expect(await enabled('gone')).toBe(false);
    await world.forget();
    const reply = await remove(okta, '?confirm=true&keepAccounts=true');
    expect(reply.status).toBe(204);
    expect((await read(okta)).status).toBe(404);
    await world.store('Demo', 'POST', '/sync', {});
    await world.settled();
    clock.advance(40 * DAY_MS);
    await world.bridge.turn();
    expect(await world.writes('Demo')).toEqual([]);
    expect(await enabled('jane')).toBe(true);
    expect(await enabled('gone')).toBe(false);
    expect(await world.members('Demo', 'engineering')).toEqual(['jane']);
    for (const table of ['links', 'tasks', 'losses', 'membership_ledger', 'leavers'])
      expect([table, await world.bridge.db(table).where({ store_id: store })]).toEqual([
        table,
        table === 'membership_ledger' ? expect.anything() : [],
      ]);
    expect(await kinds('kind=link.deleted')).toHaveLength(3);
    // Whoever comes next takes the account over.
    const entra = await connect(world, 'entra');
    const again = await entra.join('jane');
    await entra.group('engineering', [again]);
    expect(await world.status('Demo', again)).toMatchObject({ status: 'synced', origin: 'adopted' });
    expect(await world.members('Demo', 'engineering')).toEqual(['jane']);
  });

  it('lets those who think better of it keep what is left', async () => {
    await world.add('Demo', { BRAKE_PERCENT: 10, BRAKE_MIN: 1 });
    for (const name of ['jane', 'joe', 'jim']) await okta.join(name);
    await world.forget();
    await remove(okta, '?confirm=true');
    await finished();
    expect((await remove(okta, '?keepAccounts=true')).status).toBe(409);
    expect((await remove(okta)).status).toBe(202);
    expect((await remove(okta, '?confirm=true&keepAccounts=true')).status).toBe(204);
    await finished();
    expect(await world.writes('Demo')).toEqual([]);
    expect((await world.store('Demo', 'GET', '/held')).body.count).toBe(0);
    expect(await world.syncStatus('Demo')).toMatchObject({ syncState: 'SYNCED', heldCount: 0 });
  });

  it('keeps what a group of another connection holds of the people it shares', async () => {
    await world.add('Demo');
    const jane = await okta.join('jane');
    const entra = await connect(world, 'entra');
    const [sameJane, joe] = [await entra.join('jane'), await entra.join('joe')];
    await okta.group('engineering', [jane]);
    await entra.group('engineering', [joe]);
    expect(await world.members('Demo', 'engineering')).toEqual(['jane', 'joe']);
    await remove(okta, '?confirm=true&keepAccounts=true');
    await finished();
    expect(await world.members('Demo', 'engineering')).toEqual(['jane', 'joe']);
    await entra.patch(`/Users/${sameJane}`, { op: 'replace', value: { title: 'Director' } });
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: true, title: 'Director' });
  });

  it('changes nothing any more while it goes, and lets nobody in', async () => {
    await world.add('Demo', { BRAKE_PERCENT: 10, BRAKE_MIN: 1 });
    for (const name of ['jane', 'joe', 'jim']) await okta.join(name);
    await remove(okta, '?confirm=true');
    await finished();
    const path = `/connections/${okta.id}`;
    const put = await world.bridge.admin('PUT', path, { name: 'other', strategy: 'okta' });
    const token = await world.bridge.admin('POST', `${path}/scim-configuration/tokens`, {});
    const mapping = await world.bridge.admin('PUT', `${path}/scim-configuration`, { mapping: [] });
    expect([put.status, token.status, mapping.status]).toEqual([409, 409, 409]);
    // Another one is the primary connection at once.
    const entra = await connect(world, 'entra');
    expect((await world.bridge.admin('GET', `/connections/${entra.id}`)).body.isPrimary).toBe(true);
  });

  it('takes up where it was interrupted, and takes in what came late', async () => {
    await world.add('Demo');
    const jane = await okta.join('jane');
    const late = await okta.scim('POST', '/Users', person('late'));
    await world.settled();
    // As if the process had ended between marking the connection and its first step.
    await world.bridge
      .db('connections')
      .where({ id: okta.id })
      .update({
        keep_accounts: false,
        deletion: JSON.stringify({
          cause: { correlationId: 'c1', actor: { type: 'admin', id: 'a', name: 'alice' } },
          since: new Date(clock.now()).toISOString(),
          users: 0,
          groups: 0,
        }),
      });
    await world.bridge.turn();
    await finished();
    expect((await read(okta)).status).toBe(404);
    expect(await enabled('jane')).toBe(false);
    // A request that was under way when the connection went: its user came after everything.
    await world.bridge.db('users').where({ id: late.body.id }).update({ deleted_at: null });
    await world.bridge.turn();
    await finished();
    expect((await world.bridge.admin('GET', '/users')).body.count).toBe(0);
    expect(await kinds('kind=connection.deleted')).toHaveLength(1);
    expect((await world.bridge.admin('GET', `/events?correlationId=c1&kind=user.deleted`)).body.count).toBe(
      3,
    );
    expect(jane).toBeDefined();
  });
});
