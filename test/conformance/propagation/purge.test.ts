/** After a purge nobody finds the person in the database, whatever happened to them before; accounts stay as they are. */

import type { Knex } from 'knex';
import { type MovableClock, movableClock, patch, person } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, type World } from './world.ts';

const DAY_MS = 24 * 60 * 60_000;

/** The built-in vendor: what a vendor knows is not the bridge's. */
const VENDOR = new Set(['demo_accounts', 'demo_groups', 'demo_members']);

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  let clock: MovableClock;
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
    const [{ id, name, strategy }] = (await world.bridge.admin('GET', '/connections')).body._embedded
      .connections;
    await world.bridge.admin('PUT', `/connections/${id}`, { name, strategy, retentionDays: 10 });
  });
  afterEach(() => world.stop());

  /** The names, address and phone of one person, as they were and as they are. */
  const HER = /wilhelmina|quackenbush|555.?0199/i;
  const her = {
    displayName: 'Äwilhelmina Öquackenbush',
    name: {
      givenName: 'Äwilhelmina',
      familyName: 'Öquackenbush',
      formatted: 'Äwilhelmina "Öq" Öquackenbush',
    },
    externalId: 'quackenbush-4711',
    phoneNumbers: [{ value: '+1 555 0199', type: 'work' }],
    addresses: [{ type: 'work', formatted: '1 Quackenbush Lane' }],
    title: 'Friend of Wilhelmina',
  };

  const purged = async () => (await world.bridge.admin('GET', '/events?kind=user.purged')).body.count;

  async function daysLater(days: number): Promise<void> {
    clock.advance(days * DAY_MS);
    await world.bridge.turn();
  }

  async function syncAll(types: readonly ('Demo' | 'Slack' | 'GitLabSelfManaged')[]): Promise<void> {
    for (const type of types) await world.store(type, 'POST', '/sync', { repair: false });
    await world.settled();
  }

  /** A life with everything in it that leaves a trace. */
  async function live(): Promise<string> {
    await world.add('Demo', { BRAKE_PERCENT: 1, BRAKE_MIN: 1 });
    await world.add('Slack', { BRAKE_PERCENT: 1, BRAKE_MIN: 1 });
    const she = await world.join('wilhelmina', her);
    const joe = await world.join('joe');
    const other = await world.join('other');
    const group = await world.group('engineering', [joe, other]);
    await world.patch(`/Groups/${group}`, {
      op: 'add',
      path: 'members',
      value: [{ value: she, display: 'Äwilhelmina Öquackenbush' }],
    });
    // She changes her name; others knew her by the old one.
    await world.bridge.scim('PUT', `/Users/${she}`, person('whilly', { ...her, displayName: 'Whilly Q' }));
    await world.settled();
    for (const account of world.slack.users.values())
      if (account.emails.some(({ value }) => value.startsWith('whilly')))
        account.displayName = 'Quackenbush by hand';
    for (const remote of world.slack.groups.values()) remote.members.clear();
    await syncAll(['Demo', 'Slack']);
    for (const type of ['Demo', 'Slack'] as const)
      expect((await world.store(type, 'POST', '/preview', {})).status).toBe(201);
    // Held and let go of again.
    await world.setActive(joe, false);
    await world.setActive(she, false);
    expect(await world.status('Demo', she)).toMatchObject({ status: 'held' });
    for (const type of ['Demo', 'Slack'] as const)
      await world.store(type, 'POST', '/held/approve', { all: true });
    await world.settled();
    return she;
  }

  it('finds nothing of a deleted person, nor after a later sync, and a trace that can be counted', async () => {
    const she = await live();
    expect(await dump(world.bridge.db)).toMatch(HER);
    await world.remove(`/Users/${she}`);
    await daysLater(9);
    expect(await purged()).toBe(0);
    await world.forget();
    await daysLater(2);
    expect(await purged()).toBe(1);
    expect(where(await dump(world.bridge.db), HER, /whilly/i)).toEqual([]);
    await syncAll(['Demo', 'Slack']);
    expect(where(await dump(world.bridge.db), HER, /whilly/i)).toEqual([]);
    expect(await world.writes('Demo')).toEqual([]);
    expect(await world.writes('Slack')).toEqual([]);
    expect(await world.account('Slack', 'whilly')).toMatchObject({ enabled: false });
    expect(await world.account('Demo', 'joe')).toMatchObject({ enabled: false });
    // Whoever has the identifier now gets the account.
    const again = await world.join('whilly');
    for (const type of ['Demo', 'Slack'] as const)
      expect(await world.status(type, again)).toMatchObject({ status: 'synced', origin: 'adopted' });
    expect(await world.account('Slack', 'whilly')).toMatchObject({ enabled: true });
  });

  it('finds nothing of a deactivated person, who comes back to the same account', async () => {
    const she = await live();
    await daysLater(29);
    expect(await purged()).toBe(0);
    await daysLater(2);
    // And of joe, who was held and let go as well.
    expect(await purged()).toBe(2);
    await syncAll(['Demo', 'Slack']);
    expect(where(await dump(world.bridge.db), HER, /whilly/i)).toEqual([]);
    await world.forget();
    await world.bridge.scim('PUT', `/Users/${she}`, person('whilly', { ...her, title: 'Director' }));
    await world.settled();
    for (const type of ['Demo', 'Slack'] as const) {
      expect([type, await world.status(type, she)]).toEqual([
        type,
        expect.objectContaining({ status: 'synced' }),
      ]);
      expect(await world.account(type, 'whilly')).toMatchObject({ enabled: true, title: 'Director' });
      expect((await world.writes(type)).filter((word) => word === 'create')).toEqual([]);
    }
  });

  it('asks the store for what it does not know any more, before it takes or changes anything', async () => {
    const type = 'GitLabSelfManaged';
    const removal = { REMOVE_ACTION: 'Delete', REMOVE_AFTER_DAYS: 40 };
    await world.add(type, removal);
    world.seed(type, { name: 'joe', userName: 'joe.the.first' });
    const [jane, joe, jim] = [await world.join('jane'), await world.join('joe'), await world.join('jim')];
    expect(await world.account(type, 'joe')).toMatchObject({ userName: 'joe.the.first' });
    await world.setActive(jane, false);
    await world.setActive(joe, false);
    await world.setActive(jim, false);
    await world.configure(type, { ...removal, PROTECTED_ACCOUNTS: ['jane@*'] });
    await world.remove(`/Users/${jane}`);
    await world.remove(`/Users/${jim}`);
    await daysLater(31);
    expect(await purged()).toBe(3);
    expect(where(await dump(world.bridge.db), /(jane|joe|jim)@acme|joe.the.first/i)).toEqual([]);
    await daysLater(20);
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: false });
    expect(await world.account(type, 'jim')).toBeNull();
    await world.bridge.scim('PATCH', `/Users/${joe}`, patch({ op: 'replace', value: { active: true } }));
    await world.settled();
    await world.bridge.scim('PUT', `/Users/${joe}`, person('joe', { title: 'Director' }));
    await world.settled();
    expect(await world.account(type, 'joe')).toMatchObject({
      enabled: true,
      userName: 'joe.the.first',
      title: 'Director',
    });
  });
});

/** Every row of every table, one a line, but for what the vendor keeps. */
async function dump(db: Knex): Promise<string> {
  const names: { name: string }[] =
    db.client.config.client === 'sqlite3'
      ? await db('sqlite_master').where({ type: 'table' }).select('name')
      : await db('pg_tables').where({ schemaname: 'public' }).select({ name: 'tablename' });
  const lines: string[] = [];
  for (const { name } of names) {
    if (VENDOR.has(name) || name.startsWith('sqlite_')) continue;
    for (const row of await db(name)) lines.push(`${name} ${JSON.stringify(row)}`);
  }
  return lines.join('\n');
}

function where(text: string, ...patterns: readonly RegExp[]): readonly string[] {
  return text.split('\n').filter((line) => patterns.some((pattern) => pattern.test(line)));
}
