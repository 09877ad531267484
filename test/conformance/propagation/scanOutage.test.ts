/** A vendor whose lists are not its own for a while: the sync waits for that, and whoever left does not. */

import { once } from 'node:events';
import { systemClock } from '../../../src/support/clock.ts';
import { eventually, patch } from '../../bridge.ts';
import { startWorld, VENDORS, type World } from './world.ts';

let world: World;
afterEach(() => world.stop());

/** Whoever waits for the next probe of a store in trouble waits for ever. */
const PROBE_GAP_MS = 5_000;
const isProbeGap = (ms: number) => ms > PROBE_GAP_MS / 2 + 1_000 && ms <= PROBE_GAP_MS;
const clock = {
  ...systemClock,
  sleep: (ms: number, signal: AbortSignal) =>
    isProbeGap(ms) ? untilAborted(signal) : systemClock.sleep(ms, signal),
};

async function untilAborted(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await once(signal, 'abort');
  throw signal.reason;
}

describe.each(VENDORS)('%s', (type) => {
  it.each(['/sync', '/preview'])('lets a leaver go while %s cannot read the list', async (what) => {
    world = await startWorld(undefined, clock);
    await world.add(type);
    const [ann, bob] = [await world.join('ann'), await world.join('bob')];
    const vendor = type === 'Slack' ? world.slack : world.gitlab;
    const isList = ({ method, path }: { method: string; path: string }) =>
      method === 'GET' && /\/users$/i.test(path);
    vendor.faults.inject({
      fault: { kind: 'answer', answer: { status: 200, body: '<html>Sign in</html>' } },
      matches: isList,
      times: Number.POSITIVE_INFINITY,
    });
    await world.forget();
    await world.store(type, 'POST', what, {});
    // It has failed so often in a row that it waits.
    await eventually(async () => (vendor.requests.filter(isList).length >= 3 ? true : undefined), 20_000);
    for (const [id, name] of [
      [ann, 'ann'],
      [bob, 'bob'],
    ] as const) {
      await world.bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { active: false } }));
      await eventually(async () => ((await world.account(type, name))?.enabled ? undefined : true), 20_000);
    }
    expect(vendor.requests.filter(isList)).toHaveLength(3);
  });
});
