/** One history from its seed: themes, actions, play, quiet, and the judgement. */

import { replaceRandomSource } from '../src/support/random.ts';
import {
  drawActions,
  drawFurtherThemes,
  drawThemes,
  PARALLEL,
  type Planned,
  type Themes,
  withFurtherActions,
} from './actions.ts';
import { drawBrakeThemes, withBrakeActions } from './brakeActions.ts';
import { drawHandThemes, type HandThemes, withHandActions } from './handActions.ts';
import { judge } from './judges/oracle.ts';
import type { Database } from './machine/database.ts';
import { type SimulatedStore, World } from './machine/world.ts';
import { playEnding } from './players/endings.ts';
import { Play } from './players/play.ts';
import { drawPullThemes, type PullThemes, withPullActions } from './pullActions.ts';
import { createRandom } from './random.ts';
import { drawRuleThemes, ENDINGS, type RuleThemes, withRuleActions } from './ruleActions.ts';
import { NO_FAULTS } from './vendors/network.ts';

export interface History {
  readonly themes: Themes & Partial<RuleThemes & PullThemes & HandThemes>;
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

/** `parallel`: how many subjects each store works on at once; drawn where it is null. */
export function drawHistory(seed: string, index: number, parallel: number | null = null): History {
  const random = createRandom(`${seed}/${index}/actions`);
  const drawn = createRandom(`${seed}/${index}/parallel`).pick(PARALLEL);
  const further = createRandom(`${seed}/${index}/further`);
  const themes = drawFurtherThemes(further, drawThemes(random, parallel ?? drawn));
  const actions = drawActions(random, themes, random.int(ACTIONS_MIN, ACTIONS_MAX));
  const brake = createRandom(`${seed}/${index}/brake`);
  const rules = createRandom(`${seed}/${index}/rules`);
  const pulls = createRandom(`${seed}/${index}/pulled`);
  const hand = createRandom(`${seed}/${index}/hand`);
  const ofRules = drawRuleThemes(rules);
  const all = {
    ...themes,
    ...drawBrakeThemes(brake),
    ...ofRules,
    ...drawPullThemes(pulls),
    ...drawHandThemes(hand, ofRules.ending),
  };
  const mixed = withBrakeActions(brake, all, withFurtherActions(further, themes, actions));
  const ruled = withRuleActions(rules, all, mixed);
  return { themes: all, actions: withHandActions(hand, all, withPullActions(pulls, all, ruled)) };
}

/** `theme`: one that a history has or lacks, or an ending. Throws on any other word. */
export function hasTheme({ themes }: History, theme: string): boolean {
  const isKnown = typeof { ...themes }[theme as 'faults'] === 'boolean';
  if (!isKnown && !ENDINGS.some((ending) => ending === theme)) throw new Error(`there is no theme ${theme}`);
  return isKnown ? themes[theme as 'faults'] : themes.ending === theme;
}

/** A bridge without mistakes gets no complaints. `meddle`: what a test does to the world first. */
export async function playHistory(
  database: Database,
  seed: string,
  index: number,
  { themes, actions }: History,
  meddle: (world: World) => void = () => {},
): Promise<Outcome> {
  const random = createRandom(`${seed}/${index}/events`);
  database.empty();
  replaceRandomSource({ number: random.number, uuid: random.uuid });
  const world = new World(database, random, themes);
  meddle(world);
  let complaints: readonly string[] = [];
  try {
    let isOver = false;
    world.scheduler.spawn(world.people, async () => {
      complaints = await tell(world, actions, themes.ending ?? null);
      isOver = true;
    });
    await world.scheduler.run(() => isOver || world.violations.length > 0);
  } catch (error) {
    complaints = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  } finally {
    world.abandon();
    replaceRandomSource(null);
  }
  return {
    complaints: [...world.violations, ...complaints],
    writes: world.stores.reduce((sum, { guard }) => sum + guard.records.deeds.length, 0),
    crashes: world.crashes,
    trace: world.trace,
  };
}

async function tell(
  world: World,
  actions: readonly Planned[],
  ending: RuleThemes['ending'],
): Promise<readonly string[]> {
  const play = new Play(world);
  for (const replica of world.replicas) replica.start();
  await play.open();
  for (const { action, afterMs } of actions) {
    if (afterMs > 0) await world.sleep(afterMs);
    world.note(JSON.stringify(action));
    await play.play(action);
  }
  await calm(world, play);
  const first = [...(world.pulled?.differences() ?? []), ...(await judge(world))];
  if (first.length > 0) return first;
  for (const store of world.stores) await play.admin.decide(store, 'approve', true);
  await quiet(world, play);
  await waitForRemovals(world, play);
  const second = await judge(world);
  if (second.length > 0) return second.map((complaint) => `after approving everything: ${complaint}`);
  return ending === null ? [] : playEnding(world, play, ending, () => quiet(world, play));
}

/** Ends all faults. A sync then looks at everything that may have changed behind the bridge's back. */
async function calm(world: World, play: Play): Promise<void> {
  for (const { process } of world.replicas) {
    process.crashChance = 0;
    process.stalledUntil = Math.min(process.stalledUntil, world.scheduler.now);
  }
  for (const { faults, vendor } of world.stores) {
    Object.assign(faults, NO_FAULTS);
    vendor.emulated.refuseCredential(false);
    vendor.emulated.behave('takesTitles');
    for (const manner of ['promoted', 'letsIn'] as const) vendor.emulated.behave(manner);
  }
  for (const store of world.stores) await resume(world, play, store);
  await play.directory?.settle();
  await quiet(world, play);
  for (const task of await play.admin.tasks('parked')) await play.admin.retry(task);
  await quiet(world, play);
  if ((await play.admin.tasks('pending')).length > 0) {
    await world.sleep(TRIED_AGAIN_WITHIN_MS);
    await quiet(world, play);
  }
  for (const store of world.stores) {
    const { records } = store.guard;
    if (records.needsSync === null) continue;
    await play.admin.sync(store, true);
    await quiet(world, play);
    records.isRepaired = true;
  }
  await waitForRemovals(world, play);
}

/** A task that failed is not pending for the bridge's status, but the bridge tries it again within the hour. */
const TRIED_AGAIN_WITHIN_MS = 66 * 60_000;
const RESUMED_WITHIN = 20;
const RESUME_EVERY_MS = 30_000;

/** The vendor works, and there is a worker, or will be soon. */
async function resume(world: World, play: Play, store: SimulatedStore): Promise<void> {
  for (let asked = 0; asked < RESUMED_WITHIN; asked++) {
    if (await play.admin.resume(store)) return;
    await world.sleep(RESUME_EVERY_MS);
  }
  throw new Error(`${store.vendor.traits.type} cannot be resumed`);
}

const DAY_MS = 86_400_000;

/** Waits until `REMOVE_AFTER_DAYS` have passed for everybody to whom they apply now. */
async function waitForRemovals(world: World, play: Play): Promise<void> {
  const days = Math.max(...world.stores.map(({ guard }) => guard.records.sight.meaning.removeAfterDays));
  if (days === 0) return;
  await world.sleep((days + 1) * DAY_MS);
  await quiet(world, play);
  for (const { guard } of world.stores) guard.records.waitedDays = days + 1;
}

const LOOK_EVERY_MS = 30_000;
/** Longer than any pause after which the bridge continues by itself what it began. */
const SILENT_MS = 30_000;
/** Longer than any pause between two tries of a store. */
const QUIET_WITHIN_MS = 6 * 3_600_000;

/** The bridge says that nothing is pending, and no vendor has heard from it for a while. */
async function quiet(world: World, play: Play): Promise<void> {
  const deadline = world.scheduler.now + QUIET_WITHIN_MS;
  for (;;) {
    await world.silence(SILENT_MS, deadline);
    let isSettled = true;
    for (const store of world.stores) isSettled &&= await play.admin.isSettled(store);
    if (isSettled) return;
    if (world.scheduler.now > deadline) {
      throw new Error(`not quiet: ${JSON.stringify(await play.admin.unsettled())}`);
    }
    await world.sleep(LOOK_EVERY_MS);
  }
}
