/** One history from its seed: themes, actions, play, quiet, and the verdict. */

import { retryNow } from '../src/control/tasks.ts';
import { isoTime } from '../src/support/clock.ts';
import { replaceRandomSource } from '../src/support/random.ts';
import { drawActions, drawThemes, type Planned, type Themes } from './actions.ts';
import type { Database } from './database.ts';
import { NO_FAULTS } from './network.ts';
import { judge, REPAIRED } from './oracle.ts';
import { Play } from './play.ts';
import { createRandom } from './random.ts';
import { calmProcess, World } from './world.ts';

export interface History {
  readonly themes: Themes;
  readonly actions: readonly Planned[];
}

export interface Outcome {
  readonly complaints: readonly string[];
  readonly writes: number;
  readonly crashes: number;
  /** What happened, in order: actions, writes at the vendors, crashes. */
  readonly trace: readonly string[];
}

const ACTIONS_MIN = 12;
const ACTIONS_MAX = 26;

export function drawHistory(seed: string, index: number): History {
  const random = createRandom(`${seed}/${index}/actions`);
  const themes = drawThemes(random);
  return { themes, actions: drawActions(random, themes, random.int(ACTIONS_MIN, ACTIONS_MAX)) };
}

/** Without a mistake of the bridge there are no complaints. */
export async function playHistory(
  database: Database,
  seed: string,
  index: number,
  { themes, actions }: History,
): Promise<Outcome> {
  const random = createRandom(`${seed}/${index}/chance`);
  database.onAcquire = async () => {};
  await database.empty();
  replaceRandomSource({ number: random.number, uuid: random.uuid });
  const world = new World(database, random, themes);
  let complaints: readonly string[] = [];
  try {
    await world.start();
    let finished = false;
    world.scheduler.spawn(calmProcess('people'), async () => {
      complaints = await tell(world, actions);
      finished = true;
    });
    await world.scheduler.run(() => finished || world.violations.length > 0);
  } catch (error) {
    complaints = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  } finally {
    database.onAcquire = async () => {};
    replaceRandomSource(null);
  }
  return {
    complaints: [...world.violations, ...complaints],
    writes: world.stores.reduce((sum, store) => sum + store.guard.done.length, 0),
    crashes: world.crashes,
    trace: world.trace,
  };
}

async function tell(world: World, actions: readonly Planned[]): Promise<readonly string[]> {
  const play = new Play(world);
  await play.open();
  world.startWorkers();
  for (const { action, afterMs } of actions) {
    if (afterMs > 0) await world.scheduler.sleep(afterMs);
    world.note(JSON.stringify(action));
    await play.play(action);
  }
  await calm(world, play);
  const first = await judge(world);
  if (first.length > 0) return first;
  for (const store of world.stores) await play.decide(store, 'approve', true);
  await quiet(world);
  await waitForRemovals(world);
  return (await judge(world)).map((complaint) => `after approving everything: ${complaint}`);
}

/** No more faults; what may have moved behind the bridge's back is looked at once. */
async function calm(world: World, play: Play): Promise<void> {
  for (const { process } of world.replicas) {
    process.crashChance = 0;
    process.stalledUntil = Math.min(process.stalledUntil, world.scheduler.now);
  }
  for (const { faults } of world.stores) Object.assign(faults, NO_FAULTS);
  for (const store of world.stores) await play.admin.resume(store);
  await quiet(world);
  await retryParked(world);
  for (const store of world.stores) {
    if (store.guard.needsSync === null) continue;
    await play.sync(store, true);
    await quiet(world);
    store.guard.needsSync = REPAIRED;
  }
  await waitForRemovals(world);
}

const DAY_MS = 86_400_000;

/** Until `REMOVE_AFTER_DAYS` are over for everybody for whom they count now. */
async function waitForRemovals(world: World): Promise<void> {
  const days = Math.max(...world.stores.map(({ guard }) => guard.sight.meaning.removeAfterDays));
  if (days === 0) return;
  await world.scheduler.sleep((days + 1) * DAY_MS);
  await quiet(world);
  for (const { guard } of world.stores) guard.waitedDays = days + 1;
}

const LOOK_EVERY_MS = 5_000;
/** Longer than any gap between two tries of a store. */
const QUIET_WITHIN_MS = 6 * 3_600_000;

async function quiet(world: World): Promise<void> {
  const { db, scheduler } = world;
  const deadline = scheduler.now + QUIET_WITHIN_MS;
  for (;;) {
    const task = await db('tasks').where({ state: 'pending' }).first('id', 'error', 'attempts');
    const run = await db('sync_runs').whereIn('state', ['QUEUED', 'RUNNING']).first('id', 'position');
    const lease = await db('leases').where('expires_at', '>', isoTime(scheduler.now)).first('holder');
    const look = await db('second_looks').first('at');
    if (!task && !run && !lease && !look) return;
    if (scheduler.now > deadline) throw new Error(`not quiet: ${JSON.stringify({ task, run, lease, look })}`);
    await scheduler.sleep(LOOK_EVERY_MS);
  }
}

/** What was parked in the trouble is tried once more, as an operator would. */
async function retryParked(world: World): Promise<void> {
  const rows = await world.db('tasks').where({ state: 'parked' }).select('id', 'environment_id');
  for (const row of rows) {
    await retryNow(world.anyReplica().deps, row.environment_id, row.id, world.cause('retry'));
  }
  if (rows.length > 0) await quiet(world);
}
