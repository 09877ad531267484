/** Settings take effect at once: once a PUT was answered, no call under the settings before it goes out. */

import { eventually, person } from '../../bridge.ts';
import type { EmulatedRequest } from '../../emulator/server.ts';
import { startWorld, type World } from './world.ts';

const STORES = 20;
const ROUNDS = 2;

interface RacingStore {
  readonly id: string;
  readonly token: string;
  readonly configuration: Record<string, unknown>;
}

describe.each([
  ['sqlite', 'APPLY_MODE is Approval', { APPLY_MODE: 'Approval' }],
  ['postgres', 'UPDATE_USERS is off', { UPDATE_USERS: false }],
] as const)('on %s', (dialect, saved, restrictive) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  /** A workspace of its own for each store: one alone may be worked on by each. */
  async function addStore(n: number): Promise<RacingStore> {
    const workspace = world.slack.addWorkspace({ id: `T1${n}`, name: `Workspace ${n}` });
    const owner = world.slack.addUser({ userName: `owner${n}`, email: `owner${n}@x.example` }, workspace);
    const token = `xoxp-emulated-owner-of-${n}`;
    world.slack.addToken(workspace, { token, userId: owner.id });
    const configuration = { ...world.connection('Slack'), OAUTH_ACCESS_TOKEN: token };
    const body = { type: 'Slack', name: `Store ${n}`, status: 'ACTIVE', configuration };
    const reply = await world.bridge.admin('POST', '/propagation/stores', body);
    expect(reply.status).toBe(201);
    return { id: reply.body.id, token, configuration };
  }

  async function configure(store: RacingStore, more: Record<string, unknown>): Promise<number> {
    const { id, configuration } = store;
    const { body: shown } = await world.bridge.admin('GET', `/propagation/stores/${id}`);
    const reply = await world.bridge.admin('PUT', `/propagation/stores/${id}`, {
      type: 'Slack',
      name: shown.name,
      configuration: { ...configuration, ...more },
    });
    expect(reply.status).toBe(200);
    return Date.now();
  }

  const tokenOf = (headers: Readonly<Record<string, string>>) => headers.authorization?.split(' ')[1];

  it(`writes nothing more once it was answered that ${saved}`, async () => {
    const stores: RacingStore[] = [];
    for (let n = 0; n < STORES; n++) stores.push(await addStore(n));
    const jane = await world.join('jane', { title: 'Round 0' });
    for (let round = 1; round <= ROUNDS; round++) {
      await Promise.all(stores.map((store) => configure(store, {})));
      await world.bridge.scim('PUT', `/Users/${jane}`, person('jane', { title: `Before ${round}` }));
      await world.settled();
      await world.forget();
      const write = world.bridge.scim('PUT', `/Users/${jane}`, person('jane', { title: `Round ${round}` }));
      const answered = await Promise.all(stores.map((store) => configure(store, restrictive)));
      await write;
      await world.settled();
      const writes = world.slack.requests.filter(
        ({ method, path }) => method !== 'GET' && path.startsWith('/scim'),
      );
      const late = stores.filter((store, n) =>
        writes.some(({ headers, at }) => tokenOf(headers) === store.token && at > (answered[n] as number)),
      );
      expect(late.map(({ token }) => token)).toEqual([]);
    }
  });
});

it('tells once of removals that were under way when other settings were saved', async () => {
  const world = await startWorld();
  try {
    await world.add('Slack');
    const people = [await world.join('ann'), await world.join('bob')];
    const group = await world.group('pilots', people);
    const { promise: until, resolve: release } = Promise.withResolvers<void>();
    const isRemoval = ({ method, path }: EmulatedRequest) => method === 'PATCH' && path.includes('/Groups/');
    world.slack.faults.inject({ fault: { kind: 'hold', until }, matches: isRemoval });
    await world.forget();
    expect((await world.bridge.scim('DELETE', `/Groups/${group}`)).status).toBe(204);
    await eventually(async () => world.slack.requests.find(isRemoval), 10_000);
    const configuration = { ...world.connection('Slack'), MAX_ATTEMPTS: 7 };
    const saved = await world.store('Slack', 'PUT', '', { type: 'Slack', name: 'Slack', configuration });
    expect(saved.status).toBe(200);
    release();
    await world.settled();
    const events = await world.bridge.db('events').where({ kind: 'change.revoke', outcome: 'success' });
    expect(events).toHaveLength(1);
    expect(await world.bridge.db('losses').where({ kind: 'group' })).toHaveLength(people.length);
  } finally {
    await world.stop();
  }
});

it('counts no account as made by a call that never left, because other settings were saved', async () => {
  const world = await startWorld();
  try {
    // Calls wait half a second for their turn.
    const slow = { RATE_PER_MINUTE: 120 };
    await world.add('Slack', slow);
    await world.store('Slack', 'POST', '/sync', { repair: false });
    await world.settled();
    // Since the scan somebody made these accounts by hand, so the bridge means to create them.
    const names = ['ann', 'bob', 'cas', 'dan', 'eve', 'fay'];
    for (const name of names) world.seed('Slack', { name });
    await world.forget();
    const replies = names.map((name) => world.bridge.scim('POST', '/Users', person(name)));
    const people = (await Promise.all(replies)).map(({ body }) => body.id as string);
    const left = () =>
      world.slack.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/Users'));
    const isUnsent = async () => {
      const announced: { user_name: string }[] = await world.bridge
        .db('tasks')
        .join('users', 'users.person_id', 'tasks.subject_id')
        .whereNotNull('intent');
      const sent = left().map(({ body }) => JSON.stringify(body));
      return announced.some((user) => !sent.some((body) => body.includes(user.user_name)));
    };
    const waitsForItsTurn = async () => {
      if (!(await isUnsent())) return false;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return isUnsent();
    };
    await eventually(async () => ((await waitsForItsTurn()) ? true : undefined), 15_000);
    const configuration = { ...world.connection('Slack'), ...slow, MAX_ATTEMPTS: 7 };
    const saved = await world.store('Slack', 'PUT', '', { type: 'Slack', name: 'Slack', configuration });
    expect(saved.status).toBe(200);
    expect(left().length).toBeLessThan(names.length);
    await world.settled();
    const links = await Promise.all(people.map((id) => world.link('Slack', id)));
    expect(links.map((link) => link?.origin)).toEqual(names.map(() => 'adopted'));
  } finally {
    await world.stop();
  }
});
