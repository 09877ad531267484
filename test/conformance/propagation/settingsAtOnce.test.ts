/** Settings take effect at once: once a PUT was answered, no call under the settings before it goes out. */

import { person } from '../../bridge.ts';
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
