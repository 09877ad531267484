/**
 * Shows what would follow from other rules or mappings of a store. It counts in SQL how many people would enter and
 * leave scope; on request it plans everyone, from what the bridge last saw of the store. It asks no vendor and writes
 * nothing.
 */

import { type Db, dialectOf } from '../db/open.ts';
import { addCounts, type ChangeCounts, countChange, NO_CHANGES } from '../db/runs/changeCounts.ts';
import { countEnabledPeople } from '../db/seen/linkLists.ts';
import { countMeeting } from '../db/stores/scope.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { type Change, changeKey, isLoss, type Skip } from '../model/change.ts';
import { brakeLimit, emptiesGroup } from '../plan/brake.ts';
import { undecidedRevokes } from '../plan/losses.ts';
import type { GroupSizes } from '../settle/gate/decisions.ts';
import { byRecords } from '../settle/people/look.ts';
import type { Planning } from '../settle/planning.ts';
import { planGroupsPage, planPeoplePage } from '../settle/storePlan.ts';
import { storeContextOf } from '../stores/context.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import type { StoreContext } from '../stores/desired.ts';
import { type RuleTerms, scopeOf } from '../stores/scope.ts';
import { isoTime } from '../support/clock.ts';

export interface Impact {
  /** People of the directory who would enter scope, with or without an account. */
  readonly entering: number;
  readonly leaving: number;
  /** Changes that the proposal adds to those planned already. */
  readonly summary: ChangeCounts;
}

export async function countMoved(
  db: Db,
  environmentId: string,
  before: readonly RuleTerms[],
  after: readonly RuleTerms[],
): Promise<Omit<Impact, 'summary'>> {
  const [was, becomes] = [scopeOf(before, dialectOf(db)).people, scopeOf(after, dialectOf(db)).people];
  return {
    entering: await countMeeting(db, environmentId, becomes, was),
    leaving: await countMeeting(db, environmentId, was, becomes),
  };
}

const PAGES_MAX = 100_000;

/** Settings that an admin may try out before saving. */
export type Proposed = Partial<Pick<StoreContext, 'scope' | 'mapping' | 'groupMappings'>>;

/** Counts only changes that the proposal adds: changes that wait already are not its doing. */
export async function planUnder(
  deps: PropagationDeps,
  store: StoreRecord,
  proposed: Proposed,
): Promise<ChangeCounts> {
  const { db } = deps;
  const context = await storeContextOf(db, deps.connectors, store);
  const now = () => isoTime(deps.clock.now());
  const [today, then] = [
    { db, context, now },
    { db, context: { ...context, ...proposed }, now },
  ];
  const fresh: Counting = { counts: NO_CHANGES, held: NO_CHANGES, emptied: NO_CHANGES, losers: new Set() };
  for (const pages of [peoplePages, groupPages]) {
    // Both plans go through the same subjects in the same order, page by page.
    const before = pages(today);
    for await (const page of pages(then)) {
      const known = (await before.next()).value as Planned | undefined;
      count(fresh, without(page, known ?? NOTHING), context);
    }
  }
  return withHeld(db, context, fresh);
}

interface Counting {
  counts: ChangeCounts;
  /** The losses among them, counted as held. */
  held: ChangeCounts;
  /** Losses among them that would empty a group, counted as held. */
  emptied: ChangeCounts;
  readonly losers: Set<string>;
}

function count(counting: Counting, { changes, skipped, sizes }: Planned, { settings }: StoreContext): void {
  const revokes = Map.groupBy(undecidedRevokes(changes, []), ({ subject }) => subject.id);
  for (const [id, { length: ended }] of revokes) {
    const losses = { group: id, memberships: sizes.get(id) ?? 0, ended };
    if (emptiesGroup(settings, losses) !== null)
      counting.emptied = countChange(counting.emptied, 'group', 'held', ended);
  }
  for (const change of changes) {
    counting.counts = countChange(counting.counts, change.subject.kind, change.op);
    if (!isLoss(change)) continue;
    counting.losers.add(loserOf(change));
    counting.held = countChange(counting.held, change.subject.kind, 'held');
  }
  for (const { subject } of skipped) counting.counts = countChange(counting.counts, subject.kind, 'skipped');
}

interface Planned {
  readonly changes: readonly Change[];
  readonly skipped: readonly Skip[];
  /** How many memberships there are in each group that loses some. */
  readonly sizes: GroupSizes;
}

const NOTHING: Planned = { changes: [], skipped: [], sizes: new Map() };

async function* peoplePages(planning: Planning): AsyncGenerator<Planned> {
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const { people, next } = await planPeoplePage(planning, byRecords(planning), cursor);
    yield {
      changes: people.flatMap(({ plan }) => plan.changes),
      skipped: people.flatMap(({ plan }) => plan.skipped),
      sizes: NOTHING.sizes,
    };
    if (next === null) return;
    cursor = next;
  }
}

async function* groupPages(planning: Planning): AsyncGenerator<Planned> {
  const how = { people: byRecords(planning), members: null, named: null, withComing: true };
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const { groups, next } = await planGroupsPage(planning, how, cursor);
    yield {
      changes: groups.flatMap(({ plan, members }) => [
        ...plan.changes,
        ...(members ? [...members.changes, ...members.later] : []),
      ]),
      skipped: groups.flatMap(({ plan, members }) => [...plan.skipped, ...(members?.skipped ?? [])]),
      sizes: new Map(groups.map(({ facts, size }) => [facts.desired.id, size])),
    };
    if (next === null) return;
    cursor = next;
  }
}

function without(then: Planned, now: Planned): Planned {
  const keys = new Set(now.changes.map(changeKey));
  const known = new Set(now.skipped.map(skipKey));
  return {
    changes: then.changes.filter((change) => !keys.has(changeKey(change))),
    skipped: then.skipped.filter((skip) => !known.has(skipKey(skip))),
    sizes: then.sizes,
  };
}

function skipKey({ op, subject, reason }: Skip): string {
  return JSON.stringify([op, subject.kind, subject.id, reason]);
}

function loserOf(change: Change): string {
  return change.op === 'revoke' ? (change.member.personId ?? change.member.remoteId) : change.subject.id;
}

/**
 * The proposal would be saved as one change, so that losses beyond the limit are all held; if the brake has tripped,
 * every loss is held.
 */
async function withHeld(
  db: Db,
  { settings, store }: StoreContext,
  { counts, held, emptied, losers }: Counting,
): Promise<ChangeCounts> {
  const limit = brakeLimit(settings, await countEnabledPeople(db, store.id));
  const brakes = settings.brakePercent < 100 && (store.brakeTrippedAt !== null || losers.size > limit);
  return addCounts(counts, brakes ? held : emptied);
}
