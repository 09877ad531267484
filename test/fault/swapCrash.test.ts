/**
 * Two people swap their user names, and the process that works on it dies at one step after another: while the
 * temporary value is under way, or there. In simulated time, with the composed bridge and its successor.
 */

import { type Action, drawFurtherThemes, drawThemes, type Themes } from '../../simulation/actions.ts';
import { playHistory } from '../../simulation/history.ts';
import { type Database, openSimulationDatabase } from '../../simulation/machine/database.ts';
import type { Process } from '../../simulation/machine/scheduler.ts';
import type { World } from '../../simulation/machine/world.ts';
import { IdentityProvider } from '../../simulation/players/idp.ts';
import { createRandom } from '../../simulation/random.ts';

let database: Database;
beforeAll(async () => {
  database = await openSimulationDatabase();
});
afterAll(() => database.close());

const SWAP: readonly (readonly [Action, number])[] = [
  [{ kind: 'hire', who: 0 }, 50],
  [{ kind: 'hire', who: 1 }, 50],
  [{ kind: 'pass', ms: 30_000 }, 0],
  [{ kind: 'pause', store: 0 }, 0],
  [{ kind: 'pause', store: 1 }, 0],
  [{ kind: 'swapNames', who: 0, other: 1 }, 0],
  [{ kind: 'resume', store: 0 }, 0],
  [{ kind: 'resume', store: 1 }, 0],
  [{ kind: 'pass', ms: 120_000 }, 0],
];

function calmThemes(): Themes {
  const none = { ...createRandom('swap'), chance: () => false };
  return {
    ...drawFurtherThemes(none, drawThemes(none, 1)),
    stores: 2,
    people: 5,
    swaps: true,
    deathIsKnown: true,
  };
}

/** Every process dies at its step of that number after the first temporary value was sent; `then` happens besides. */
function dieAfter(
  world: World,
  steps: number,
  then: (world: World) => Promise<void>,
): { readonly sent: () => boolean; readonly names: () => readonly string[] } {
  let sent = false;
  for (const { vendor } of world.stores) {
    const { emulated } = vendor;
    const isRead = emulated.isRead.bind(emulated);
    emulated.isRead = (request) => {
      if (!sent && JSON.stringify(request.body ?? '').includes('moving-')) {
        sent = true;
        world.scheduler.spawn(world.people, () => then(world));
      }
      return isRead(request);
    };
  }
  for (const { process } of world.replicas) dieAt(process, () => sent, steps);
  const names = () =>
    world.stores.flatMap(({ vendor }) =>
      [...vendor.holds.accounts.values()].map(({ attributes }) => attributes.userName),
    );
  return { sent: () => sent, names };
}

const CERTAIN = 1_000;

function dieAt(process: Process, isArmed: () => boolean, steps: number): void {
  let passed = 0;
  const chance = () => {
    if (!isArmed()) return 0;
    passed += 1;
    return passed > steps ? CERTAIN : Number.MIN_VALUE;
  };
  Object.defineProperty(process, 'crashChance', { get: chance, set: () => {} });
}

interface Played {
  readonly complaints: readonly string[];
  readonly crashes: number;
  /** What all accounts are called in the end. */
  readonly names: readonly string[];
}

/** The same history each time, until the processes die. */
async function play(steps: number, then: (world: World) => Promise<void> = async () => {}): Promise<Played> {
  const actions = SWAP.map(([action, afterMs]) => ({ action, afterMs }));
  let seen: ReturnType<typeof dieAfter> | undefined;
  const played = { themes: calmThemes(), actions };
  const { complaints, crashes } = await playHistory(database, 'swap', 4, played, (world) => {
    seen = dieAfter(world, steps, then);
  });
  expect(seen?.sent()).toBe(true);
  return { complaints, crashes, names: seen?.names() ?? [] };
}

const isTemporary = (name: string) => name.includes('moving');

/** The swap is over after some forty. */
it.each([0, 9, 20, 35])(
  'ends in the names that the directory has, %d steps after a temporary one was sent',
  async (steps) => {
    const { complaints, crashes, names } = await play(steps);
    expect(complaints).toEqual([]);
    expect(crashes).toBeGreaterThan(0);
    expect(names).toEqual(expect.arrayContaining(['h0', 'h1']));
    expect(names.filter(isTemporary)).toEqual([]);
  },
);

it.each([5, 20])('leaves no temporary name on whoever leaves meanwhile, %d steps after', async (steps) => {
  const { complaints, names } = await play(steps, async (world) => {
    const idp = new IdentityProvider(world);
    for (const human of world.model.humans.slice(0, 2))
      await idp.changePerson(human, { lifecycle: 'inactive' });
  });
  expect(complaints).toEqual([]);
  expect(names.filter(isTemporary)).toEqual([]);
});
