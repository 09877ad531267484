/** Syncs of a whole store: what was changed there by hand is reported, or repaired, and never guessed. */

import { eventually } from '../../bridge.ts';
import { STORE_TYPES, startWorld, VENDORS, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

type Vendor = (typeof VENDORS)[number];

interface Run {
  readonly id: string;
  readonly state: string;
  readonly drift: readonly { kind: string; attribute?: string; expected?: string; found?: string }[];
  readonly summary: Readonly<Record<string, number>>;
  readonly progress: { readonly scanned: number; readonly total: number };
  readonly error?: string;
}

async function sync(type: Vendor | 'Demo', body: Record<string, unknown> = {}): Promise<Run> {
  const reply = await world.store(type, 'POST', '/sync', body);
  expect(reply.status).toBe(202);
  await world.settled();
  return (await world.store(type, 'GET', `/syncs/${reply.body.id}`)).body;
}

/** As an admin does it at the vendor. */
async function byHand(type: Vendor, name: string, what: 'title' | 'disable' | 'enable' | 'delete' | 'leave') {
  const id = (await world.account(type, name))?.id ?? '';
  const user = world.slack.users.get(id);
  const member = world.gitlab.state.users.get(Number(id));
  if (type === 'Slack' && user) {
    if (what === 'title') user.profile.title = 'By hand';
    if (what === 'enable') user.active = true;
    if (what === 'disable') user.active = false;
    if (what === 'delete') world.slack.workspace.users.delete(id);
    if (what !== 'title' && what !== 'enable')
      for (const g of world.slack.groups.values()) g.members.delete(id);
    return;
  }
  if (!member) throw new Error(`${type} has no account of ${name}`);
  if (what === 'title') member.profile.bio = 'By hand';
  if (what === 'enable') member.state = 'active';
  if (what === 'disable') member.state = 'blocked';
  if (what === 'delete') world.gitlab.state.removeUser(member.id);
  if (what === 'leave') for (const members of world.gitlab.state.members.values()) members.delete(member.id);
}

describe.each(STORE_TYPES)('on %s', (type) => {
  it('reads lists only, and writes nothing, where nothing changed', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const people = [await world.join('jane'), await world.join('joe'), await world.join('left')];
    await world.group('engineering', people);
    await world.setActive(people[2] ?? '', false);
    await world.forget();
    const run = await sync(type);
    expect(run).toMatchObject({ state: 'DONE', drift: [] });
    expect(run.progress.total).toBeGreaterThanOrEqual(run.progress.scanned);
    expect(await world.writes(type)).toEqual([]);
    expect(await world.syncStatus(type)).toMatchObject({
      syncState: 'SYNCED',
      userTotal: 3,
      successCount: 3,
      lastSyncAt: expect.any(String),
    });
    // Pages of people, of groups, and of each group's members; nobody is asked for one by one.
    const asked = [...world.slack.requests, ...world.gitlab.requests].map((r) => r.path);
    expect(asked.filter((path) => /\/users\/\w+$/i.test(path))).toEqual([]);
    expect(asked.length).toBeLessThanOrEqual(4);
  });
});

describe.each(VENDORS)('on %s', (type) => {
  const set = async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const ids: Record<string, string> = {};
    for (const name of ['titled', 'disabled', 'deleted', 'member', 'leaver'])
      ids[name] = await world.join(name, { title: 'Engineer' });
    await world.group('engineering', [ids.member ?? '', ids.deleted ?? '', ids.disabled ?? '']);
    await world.setActive(ids.leaver ?? '', false);
    await byHand(type, 'titled', 'title');
    await byHand(type, 'disabled', 'disable');
    await byHand(type, 'deleted', 'delete');
    await byHand(type, 'member', 'leave');
    await byHand(type, 'leaver', 'enable');
    await world.forget();
    return ids;
  };

  it('reports what was changed by hand with repair: false, writes nothing, and forgets nothing', async () => {
    await set();
    for (let time = 1; time <= 2; time++) {
      const run = await sync(type, { repair: false });
      expect(run.state).toBe('DONE');
      const kinds = run.drift.map((item) => item.kind);
      expect(kinds).toEqual(
        expect.arrayContaining([
          'attribute',
          'disabledThere',
          'vanished',
          'membershipMissing',
          'enabledThere',
        ]),
      );
      expect(run.drift.find((item) => item.kind === 'attribute')).toMatchObject({
        attribute: type === 'Slack' ? 'title' : 'bio',
        expected: 'Engineer',
        found: 'By hand',
      });
    }
    expect(await world.writes(type)).toEqual([]);
    expect(await world.account(type, 'titled')).toMatchObject({ title: 'By hand' });
    expect(await world.account(type, 'disabled')).toMatchObject({ enabled: false });
  });

  it('makes everything as desired again with repair: true', async () => {
    const ids = await set();
    const before = await world.account(type, 'deleted');
    expect(before).toBeNull();
    const run = await sync(type);
    expect(run.state).toBe('DONE');
    const writes = (await world.writes(type)).sort();
    const grants = writes.filter((word) => word === 'grant');
    expect(writes.filter((word) => word !== 'grant')).toEqual(['create', 'disable', 'enable', 'update']);
    // GitLab takes members one by one, and keeps those of a blocked account.
    expect(grants.length).toBeLessThanOrEqual(3);
    expect(await world.account(type, 'titled')).toMatchObject({ title: 'Engineer' });
    expect(await world.account(type, 'disabled')).toMatchObject({ enabled: true });
    expect(await world.account(type, 'deleted')).toMatchObject({ enabled: true });
    expect(await world.account(type, 'leaver')).toMatchObject({ enabled: false });
    expect(await world.members(type, 'engineering')).toEqual(['deleted', 'disabled', 'member']);
    expect(await world.status(type, ids.deleted ?? '')).toMatchObject({ status: 'synced' });
    await world.forget();
    expect(await sync(type)).toMatchObject({ drift: [] });
    expect(await world.writes(type)).toEqual([]);
  });

  it('removes nothing when the scan fails half way, whatever it saw', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    await world.group('engineering', [jane, await world.join('joe')]);
    await world.forget();
    const server = type === 'Slack' ? world.slack : world.gitlab;
    // People are listed, and as good as nobody is there; then the groups fail for good.
    const lists = (kind: string) => (r: { method: string; path: string }) =>
      r.method === 'GET' && new RegExp(`/${kind}$`, 'i').test(r.path);
    const nobody = type === 'Slack' ? { Resources: [], totalResults: 0, startIndex: 1, itemsPerPage: 0 } : [];
    server.faults.inject({
      fault: { kind: 'answer', answer: { status: 200, body: nobody } },
      matches: lists('users'),
    });
    server.faults.inject({
      fault: { kind: 'answer', answer: { status: 400, body: { message: 'no' } } },
      matches: lists('groups'),
      times: 100,
    });
    const reply = await world.store(type, 'POST', '/sync', {});
    const run = await eventually(
      async () => {
        const { body } = await world.store(type, 'GET', `/syncs/${reply.body.id}`);
        return body.state === 'FAILED' ? (body as Run) : undefined;
      },
      25_000,
      async () => JSON.stringify((await world.store(type, 'GET', `/syncs/${reply.body.id}`)).body),
    );
    expect(run.error).toEqual(expect.any(String));
    server.faults.clear();
    await world.settled();
    expect(await world.writes(type)).toEqual([]);
    expect(await world.link(type, jane)).toMatchObject({ state: 'enabled' });
    expect((await world.syncStatus(type)).details.map((d) => d.code)).toContain('sync_failed');
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'X' });
    expect(await world.writes(type)).toEqual(['update']);
    expect(await sync(type)).toMatchObject({ state: 'DONE', drift: [] });
    expect(await world.syncStatus(type)).toMatchObject({ syncState: 'SYNCED' });
  });

  it('makes the account again on the next change where it vanished', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    await world.group('engineering', [jane]);
    await byHand(type, 'jane', 'delete');
    await world.forget();
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'X' });
    expect(await world.writes(type)).toEqual(['update', 'create', 'grant']);
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: true, title: 'X' });
    expect(await world.members(type, 'engineering')).toEqual(['jane']);
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
  });

  it('makes the group again on the next change where it vanished', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    const group = await world.group('engineering', [jane]);
    for (const id of [...world.slack.workspace.groups.keys()]) world.slack.workspace.groups.delete(id);
    for (const id of [...world.gitlab.state.groups.keys()]) world.gitlab.state.removeGroup(id);
    await world.forget();
    await world.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: joe }] });
    expect(await world.members(type, 'engineering')).toEqual(['jane', 'joe']);
  });

  it('settles one person on request', async () => {
    await world.add(type);
    const jane = await world.join('jane');
    await world.forget();
    expect((await world.bridge.admin('POST', `/users/${jane}/sync`, {})).status).toBe(202);
    await world.settled();
    expect(await world.writes(type)).toEqual([]);
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced' });
  });

  it('is refused for a store that is not active', async () => {
    await world.add(type);
    await world.configure(type, {}, { status: 'INACTIVE' });
    expect((await world.store(type, 'POST', '/sync', {})).status).toBe(409);
  });
});
