/** Whoever is active until a date leaves on that date, though the source writes nothing then and its delta is empty. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isoTime } from '../../../src/support/clock.ts';
import { eventually, movableClock, type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { Pulled } from './pulled.ts';
import { script, scripted, user } from './scripted.ts';

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-pull-'));
  const state = script();
  const clock = movableClock();
  let bridge: RunningBridge;
  beforeAll(async () => {
    const definition = scripted(state);
    const withDelta = {
      ...definition,
      create: (deps: Parameters<typeof definition.create>[0]) => ({
        ...definition.create(deps),
        async *delta() {
          yield { kind: 'end' as const, position: '2' };
        },
      }),
    };
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory), clock, {
      moreSources: [withDelta],
    });
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('makes them inactive within the poll of a worker', async () => {
    const activeUntil = isoTime(clock.now() + 5 * 60_000);
    Object.assign(state, { position: '1', users: [user('a1'), user('a2', { activeUntil })] });
    const pulled = await Pulled.make(bridge, {
      ...{ name: 'Scripted', strategy: 'google' },
      configuration: { URL: 'http://127.0.0.1:9', TOKEN: 'a-secret' },
    });
    await pulled.activate();
    expect(await pulled.read()).toMatchObject({ nextRunAt: activeUntil });
    expect(await pulled.sync()).toMatchObject({ mode: 'delta', state: 'DONE', summary: { deactivated: 0 } });
    clock.advance(5 * 60_000);
    const left = async () => ((await pulled.people())['a2@acme.example'] === false ? true : undefined);
    await eventually(left, 20_000);
    expect((await pulled.people())['a1@acme.example']).toBe(true);
  });
});
