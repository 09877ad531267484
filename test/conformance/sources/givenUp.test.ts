/** A scan that is given up half-way lets the directory go: it holds no connection, however it ended. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, type RunningBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import type { Pulled } from './pulled.ts';
import { type Script, script, startScripted, user } from './scripted.ts';

const WITHIN_MS = 20_000;

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-given-up-'));
  const state: Script = script();
  let bridge: RunningBridge;
  let pulled: Pulled;

  beforeAll(async () => {
    state.users = ['a1', 'a2', 'a3', 'a4', 'a5'].map((id) => user(id));
    ({ bridge, pulled } = await startScripted(await freshDatabaseUrl(dialect, directory), state));
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const nothingOpen = () => eventually(async () => (state.open === 0 ? true : undefined), WITHIN_MS);
  /** Happens once, when the scan that is asked for now has shown a page and holds a connection. */
  const halfWay = async (happens: () => Promise<unknown>) => {
    let over: () => void = () => undefined;
    const happened = new Promise<void>((resolve) => {
      over = resolve;
    });
    state.between = async () => {
      state.between = async () => undefined;
      expect(state.open).toBe(1);
      await happens();
      over();
    };
    const run = await bridge.admin('POST', `${pulled.path}/syncs`, { full: true });
    expect(run.status).toBe(202);
    await happened;
    return run.body.id as string;
  };

  it('ends with its last page', async () => {
    expect(await pulled.activate()).toMatchObject({ state: 'DONE' });
    await nothingOpen();
  });

  it('ends when somebody pauses the connection, and begins anew when that is over', async () => {
    const run = await halfWay(() => bridge.admin('POST', `${pulled.path}/pause`));
    await nothingOpen();
    await bridge.admin('POST', `${pulled.path}/resume`);
    expect(await pulled.ended(run)).toMatchObject({ state: 'DONE', progress: { read: 5 } });
    await nothingOpen();
  });

  it('ends when a page cannot be recorded', async () => {
    const unwritable = { ...user('a6'), claims: 1n } as unknown as (typeof state.users)[number];
    const run = await halfWay(async () => state.users.splice(2, 1, unwritable));
    await nothingOpen();
    state.users.splice(2, 1, user('a3'));
    expect(await pulled.ended(run)).toMatchObject({ state: 'DONE' });
  });

  it('ends when another worker has the lease', async () => {
    const run = await halfWay(() =>
      bridge
        .db('leases')
        .where({ peer_id: pulled.path.split('/').at(-1) })
        .increment('fence', 1),
    );
    await nothingOpen();
    expect(await pulled.ended(run)).toMatchObject({ state: 'DONE' });
  });

  it('ends when the bridge stops', async () => {
    let stopped: Promise<void> = Promise.resolve();
    await halfWay(async () => {
      stopped = bridge.stop();
    });
    await stopped;
    expect(state.open).toBe(0);
  });
});
