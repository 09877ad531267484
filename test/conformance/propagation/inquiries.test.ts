/** What a request must know from a vendor: a worker asks, under the store's lease, and the request waits. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  eventually,
  type MovableClock,
  movableClock,
  person,
  type Reply,
  type RunningBridge,
  startBridge,
} from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { LoggedRequest } from '../../emulator/server.ts';
import { SLACK_TOKEN } from '../../emulator/slack.ts';
import { startWorld, type World } from './world.ts';

const NOTHING_LEFT = { inquiries: [], stores: [] };

const isCheck = ({ path }: Pick<LoggedRequest, 'path'>) => path.endsWith('/auth.test');
const isCreation = ({ method, path }: Pick<LoggedRequest, 'method' | 'path'>) =>
  method === 'POST' && path.endsWith('/Users');

describe.each(PLAYED)('with a worker, on %s', (dialect) => {
  let world: World;
  let clock: MovableClock;
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
  });
  afterEach(() => world.stop());

  const stores = '/propagation/stores';
  const post = (more: Record<string, unknown> = {}) =>
    world.bridge.admin('POST', stores, {
      type: 'Slack',
      name: 'Acme',
      configuration: world.connection('Slack'),
      ...more,
    });
  const checkSaved = (id: string): Promise<Reply> =>
    world.bridge.admin('POST', `${stores}/connection/status`, { id });
  /** The vendor's next answer to a check waits until `release`. */
  const holdCheck = (): (() => void) => {
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.slack.faults.inject({ fault: { kind: 'hold', until }, matches: isCheck });
    return release;
  };

  it('checks what is saved, and leaves an inactive and a paused store as they are', async () => {
    const { id } = (await post()).body;
    expect(await checkSaved(id)).toMatchObject({ status: 200, body: { status: 'OK' } });
    expect((await world.bridge.admin('GET', `${stores}/${id}`)).body.status).toBe('INACTIVE');
    const active = await world.add('GitLabSelfManaged');
    await world.store('GitLabSelfManaged', 'POST', '/pause', {});
    expect(await checkSaved(active)).toMatchObject({ status: 200, body: { status: 'OK' } });
    expect(await world.syncStatus('GitLabSelfManaged')).toMatchObject({ syncState: 'PAUSED' });
    expect(await world.bridge.db('inquiries')).toEqual([]);
  });

  it('asks before other work, and after the call in hand', async () => {
    const id = await world.add('Slack');
    await world.store('Slack', 'POST', '/pause', {});
    for (const name of ['ann', 'bea', 'cem', 'dan']) await world.bridge.scim('POST', '/Users', person(name));
    await world.forget();
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.slack.faults.inject({ fault: { kind: 'hold', until }, matches: isCreation });
    await world.store('Slack', 'POST', '/resume', {});
    await eventually(async () => world.slack.requests.some(isCreation) || undefined, 10_000);
    await world.forget();
    const checked = checkSaved(id);
    await eventually(async () => (await world.bridge.db('inquiries').first('id')) && true, 10_000);
    release();
    expect(await checked).toMatchObject({ status: 200, body: { status: 'OK' } });
    await world.settled();
    const order = world.slack.requests.filter((request) => isCheck(request) || isCreation(request));
    expect(order.map(isCheck)).toEqual([true, false, false, false]);
  });

  it('seals the secret of an inquiry, and forgets both with the answer', async () => {
    const release = holdCheck();
    const answer = post({ status: 'ACTIVE' });
    const row = await eventually(() => world.bridge.db('inquiries').whereNotNull('taken_at').first(), 10_000);
    expect(JSON.stringify(row)).toContain('OAUTH_ACCESS_TOKEN');
    expect(JSON.stringify(row)).not.toContain(SLACK_TOKEN);
    release();
    expect(await answer).toMatchObject({ status: 201, body: { status: 'ACTIVE' } });
    expect(await world.bridge.db('inquiries')).toEqual([]);
  });

  it('saves nothing where the answer comes too late', async () => {
    const release = holdCheck();
    const answer = post({ status: 'ACTIVE' });
    await eventually(() => world.bridge.db('inquiries').whereNotNull('taken_at').first(), 10_000);
    await eventually(async () => world.slack.requests.some(isCheck) || undefined, 10_000);
    // The request sees that it was taken, and then how long ago that was.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    clock.advance(25_000);
    expect(await answer).toMatchObject({ status: 503, body: { code: 'no_worker' } });
    release();
    const { body } = await world.bridge.admin('GET', '/events?kind=store.*');
    expect(body._embedded.events).toEqual([]);
    expect(await left(world.bridge)).toEqual(NOTHING_LEFT);
    expect(await post({ status: 'ACTIVE' })).toMatchObject({ status: 201 });
  });

  it('waits for as long as the vendor asks for, where that is short', async () => {
    const { id } = (await post()).body;
    const limited = { status: 429, headers: { 'retry-after': '2' }, body: '' };
    world.slack.faults.inject({ fault: { kind: 'answer', answer: limited }, matches: isCheck });
    expect(await checkSaved(id)).toMatchObject({ status: 200, body: { status: 'OK' } });
    expect(world.slack.requests.filter(isCheck)).toHaveLength(2);
  });
});

describe('without a worker', () => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-inquiries-'));
  const clock = movableClock();
  let bridge: RunningBridge;
  beforeAll(async () => {
    bridge = await startBridge(await freshDatabaseUrl('sqlite', directory), clock, { role: 'api' });
    clock.advance(30_000);
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('says so of everything that a vendor must answer, and saves nothing of it', async () => {
    const demo = { type: 'Demo', name: 'Demo', configuration: {} };
    const store = (await bridge.admin('POST', '/propagation/stores', demo)).body;
    const user = (await bridge.scim('POST', '/Users', person('ann'))).body;
    const at = `/propagation/stores/${store.id}`;
    const answers = await Promise.all([
      bridge.admin('POST', '/propagation/stores', { ...demo, name: 'Other', status: 'ACTIVE' }),
      bridge.admin('PUT', at, { ...demo, status: 'ACTIVE' }),
      bridge.admin('POST', '/propagation/stores/connection/status', { id: store.id }),
      bridge.admin('POST', `${at}/links`, { subject: { kind: 'user', id: user.id }, remoteId: 'x' }),
      bridge.admin('POST', `${at}/preview`, {}),
    ]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 503, body: { code: 'no_worker' } });
      expect(answer.headers.get('retry-after')).toBe('5');
    }
    expect(await left(bridge)).toEqual({ inquiries: [], stores: [{ name: 'Demo', status: 'INACTIVE' }] });
    expect(await bridge.db('previews')).toEqual([]);
  });

  it('checks a configuration that is not saved all the same', async () => {
    const unsaved = { type: 'Demo', configuration: {} };
    const answer = await bridge.admin('POST', '/propagation/stores/connection/status', unsaved);
    expect(answer).toMatchObject({ status: 200, body: { status: 'OK' } });
  });
});

async function left({ db }: RunningBridge) {
  return { inquiries: await db('inquiries'), stores: await db('stores').select('name', 'status') };
}
