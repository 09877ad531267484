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
  /** At a look-up, while the run compares. */
  let meanwhile: () => void = () => undefined;
  let bridge: RunningBridge;
  beforeAll(async () => {
    const definition = scripted(state);
    const withDelta = {
      ...definition,
      create: (deps: Parameters<typeof definition.create>[0]) => {
        const source = definition.create(deps);
        const lookup: typeof source.lookup = (...asked) => {
          meanwhile();
          return source.lookup(...asked);
        };
        return {
          ...source,
          lookup,
          async *delta() {
            yield { kind: 'end' as const, position: '2' };
          },
        };
      },
    };
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory), clock, {
      moreSources: [withDelta],
    });
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** `a2` is active for five minutes. */
  const made = async (name: string, more: object = {}) => {
    const activeUntil = isoTime(clock.now() + 5 * 60_000);
    Object.assign(state, { position: '1', users: [user('a1'), user('a2', { activeUntil }), user('a3')] });
    const pulled = await Pulled.make(bridge, {
      ...{ name, strategy: 'google', ...more },
      configuration: { URL: 'http://127.0.0.1:9', TOKEN: 'a-secret' },
    });
    await pulled.activate();
    return { pulled, activeUntil };
  };
  afterEach(async () => {
    meanwhile = () => undefined;
    const { body } = await bridge.admin('GET', '/connections');
    const [last] = body._embedded.connections.slice(-1);
    await bridge.admin('DELETE', `/connections/${last.id}?confirm=true`);
  });

  it('makes them inactive within the poll of a worker', async () => {
    const { pulled, activeUntil } = await made('Scripted');
    expect(await pulled.read()).toMatchObject({ nextRunAt: activeUntil });
    expect(await pulled.sync()).toMatchObject({ mode: 'delta', state: 'DONE', summary: { deactivated: 0 } });
    clock.advance(5 * 60_000);
    const left = async () => ((await pulled.people())['a2@acme.example'] === false ? true : undefined);
    await eventually(left, 20_000);
    expect((await pulled.people())['a1@acme.example']).toBe(true);
  });

  it('makes them inactive where the date passes while a run is under way', async () => {
    const { pulled } = await made('Under way');
    state.users = state.users.filter(({ id }) => id !== 'a3');
    meanwhile = () => {
      meanwhile = () => undefined;
      clock.advance(5 * 60_000);
    };
    await pulled.sync({ full: true });
    const left = async () => ((await pulled.people())['a2@acme.example'] === false ? true : undefined);
    await eventually(left, 20_000);
  });

  it('makes them inactive by hand, where nothing runs by itself', async () => {
    const { pulled } = await made('By hand', { sync: { enabled: false } });
    clock.advance(5 * 60_000);
    expect(await pulled.sync()).toMatchObject({ mode: 'full', state: 'DONE', summary: { deactivated: 1 } });
    expect(await pulled.sync()).toMatchObject({ mode: 'delta', state: 'DONE' });
  });
});
