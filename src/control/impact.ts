/**
 * What would follow if a store had other rules or mappings: how many people enter and leave scope, counted in SQL,
 * and on request the plan of everyone, from what was last seen of the store. It asks no vendor and writes nothing.
 */

import { type Db, dialectOf } from '../db/open.ts';
import { type PreviewSummary, SUMMARY_KEYS } from '../db/runs/previews.ts';
import { countEnabledPeople } from '../db/seen/linkLists.ts';
import { countMeeting } from '../db/stores/scope.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { type Change, changeKey, isLoss, type Skip } from '../model/change.ts';
import { brakeLimit } from '../plan/brake.ts';
import { byRecords } from '../settle/people/look.ts';
import type { Planning } from '../settle/planning.ts';
import { planGroupsPage, planPeoplePage } from '../settle/storePlan.ts';
import { storeContextOf } from '../stores/context.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import type { StoreContext } from '../stores/desired.ts';
import { type RuleTerms, scopeOf } from '../stores/scope.ts';
import { isoTime } from '../support/clock.ts';

export interface Impact {
  /** People of the directory who enter scope, whether they have an account or not. */
  readonly entering: number;
  readonly leaving: number;
  /** Counts of changes, as a preview has them; only where it was asked for. */
  readonly summary?: PreviewSummary;
}

export async function countImpact(
  db: Db,
  environmentId: string,
  before: readonly RuleTerms[],
  after: readonly RuleTerms[],
): Promise<Impact> {
  const [was, becomes] = [scopeOf(before, dialectOf(db)).people, scopeOf(after, dialectOf(db)).people];
  return {
    entering: await countMeeting(db, environmentId, becomes, was),
    leaving: await countMeeting(db, environmentId, was, becomes),
  };
}

const PAGES_MAX = 100_000;

/** What an admin may try out before it is saved. */
export type Proposed = Partial<Pick<StoreContext, 'scope' | 'mapping' | 'groupMappings'>>;

/** What would be done then and would not be done now: what waits already is not this proposal's doing. */
export async function planUnder(
  deps: PropagationDeps,
  store: StoreRecord,
  proposed: Proposed,
): Promise<PreviewSummary> {
  const { db } = deps;
  const context = await storeContextOf(db, deps.connectors, store);
  const now = () => isoTime(deps.clock.now());
  const [today, then] = [
    { db, context, now },
    { db, context: { ...context, ...proposed }, now },
  ];
  const counts = new Map<string, number>();
  const losers = new Set<string>();
  let losses = 0;
  for (const pages of [peoplePages, groupPages]) {
    // Both plans go through the same subjects in the same order, page by page.
    const before = pages(today);
    for await (const page of pages(then)) {
      const known = (await before.next()).value as Planned | undefined;
      const fresh = without(page, known ?? NOTHING);
      for (const change of fresh.changes) {
        add(counts, change.op, 1);
        if (!isLoss(change)) continue;
        losers.add(loserOf(change));
        losses += 1;
      }
      add(counts, 'skipped', fresh.skipped.length);
    }
  }
  return summaryOf(db, context, counts, { losers: losers.size, losses });
}

interface Planned {
  readonly changes: readonly Change[];
  readonly skipped: readonly Skip[];
}

const NOTHING: Planned = { changes: [], skipped: [] };

async function* peoplePages(planning: Planning): AsyncGenerator<Planned> {
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const { people, next } = await planPeoplePage(planning, byRecords(planning), cursor);
    yield {
      changes: people.flatMap(({ plan }) => plan.changes),
      skipped: people.flatMap(({ plan }) => plan.skipped),
    };
    if (next === null) return;
    cursor = next;
  }
}

async function* groupPages(planning: Planning): AsyncGenerator<Planned> {
  const how = { people: byRecords(planning), members: null, withComing: true };
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const { groups, next } = await planGroupsPage(planning, how, cursor);
    yield {
      changes: groups.flatMap(({ plan, members }) => [
        ...plan.changes,
        ...(members ? [...members.changes, ...members.later] : []),
      ]),
      skipped: groups.flatMap(({ plan, members }) => [...plan.skipped, ...(members?.skipped ?? [])]),
    };
    if (next === null) return;
    cursor = next;
  }
}

function without(then: Planned, now: Planned): Planned {
  const keys = new Set(now.changes.map(changeKey));
  const reasons = new Set(now.skipped.map(({ reason }) => reason));
  return {
    changes: then.changes.filter((change) => !keys.has(changeKey(change))),
    skipped: then.skipped.filter(({ reason }) => !reasons.has(reason)),
  };
}

function loserOf(change: Change): string {
  return change.op === 'revoke' ? (change.member.personId ?? change.member.remoteId) : change.subject.id;
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** Saved as one change of rules, losses beyond the limit all wait; so does every loss of a tripped brake. */
async function summaryOf(
  db: Db,
  { settings, store }: StoreContext,
  counts: ReadonlyMap<string, number>,
  { losers, losses }: { readonly losers: number; readonly losses: number },
): Promise<PreviewSummary> {
  const limit = brakeLimit(settings, await countEnabledPeople(db, store.id));
  const brakes = settings.brakePercent < 100 && (store.brakeTrippedAt !== null || losers > limit);
  const held = brakes ? losses : 0;
  return Object.fromEntries(
    SUMMARY_KEYS.map((key) => [key, key === 'held' ? held : (counts.get(key) ?? 0)]),
  ) as PreviewSummary;
}
