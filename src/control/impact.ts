/**
 * What would follow if a store had other rules or mappings: how many people enter and leave scope, counted in SQL,
 * and on request the plan of everyone, from what was last seen of the store. It asks no vendor and writes nothing.
 */

import { membersOfGroup, subjectsPage } from '../db/identity/subjects.ts';
import { type Db, dialectOf } from '../db/open.ts';
import { type PreviewSummary, SUMMARY_KEYS } from '../db/runs/previews.ts';
import { ledgerEntries } from '../db/seen/ledger.ts';
import { countEnabledPeople } from '../db/seen/linkLists.ts';
import { countMeeting } from '../db/stores/scope.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { type Change, isLoss } from '../model/change.ts';
import type { DesiredGroup } from '../model/desired.ts';
import type { Kind } from '../model/subject.ts';
import { brakeLimit } from '../plan/brake.ts';
import { feedingGroups, type Planning, planMemberships } from '../settle/groups/members.ts';
import { surveyGroup, surveyUsers } from '../settle/survey.ts';
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

const PAGE = 200;
const PAGES_MAX = 100_000;

/** What an admin may try out before it is saved. */
export type Proposed = Partial<Pick<StoreContext, 'scope' | 'mapping' | 'groupMappings'>>;

/** The plan of the whole store as it would be then. */
export async function planUnder(
  deps: PropagationDeps,
  store: StoreRecord,
  proposed: Proposed,
): Promise<PreviewSummary> {
  const { db } = deps;
  const context = { ...(await storeContextOf(db, deps.connectors, store)), ...proposed };
  const count = new Count({ db, context, now: () => isoTime(deps.clock.now()) });
  await count.people();
  await count.groups();
  return count.summary();
}

/** Adds a plan up. What is kept is the ids of people who get an account or lose something. */
class Count {
  readonly #planning: Planning;
  readonly #counts: Record<string, number> = {};
  readonly #losers = new Set<string>();
  /** Person → the account they get or get back; '' while it is not made. */
  readonly #arriving = new Map<string, string>();
  #losses = 0;

  constructor(planning: Planning) {
    this.#planning = planning;
  }

  async people(): Promise<void> {
    for await (const ids of this.#pages('user')) {
      for (const { desired, plan } of await surveyUsers(this.#planning, ids)) {
        for (const change of plan.changes) {
          if (change.op === 'create') this.#arriving.set(desired.id, '');
          if (change.op === 'adopt' || change.op === 'enable')
            this.#arriving.set(desired.id, change.remoteId);
        }
        this.#add(plan.changes, plan.skipped.length);
      }
    }
  }

  async groups(): Promise<void> {
    for await (const ids of this.#pages('group')) {
      for (const id of ids) {
        const { desired, link, found, plan, isPrimaryFeeder } = await surveyGroup(this.#planning, id);
        this.#add(plan.changes, plan.skipped.length);
        if (this.#planning.context.settings.groupProvisioning === 'Off') continue;
        const remoteId = link?.remoteId ?? found?.remoteId;
        const made = plan.changes.some((change) => change.op === 'create');
        if (remoteId === undefined && !made) continue;
        if (isPrimaryFeeder) await this.#differences(desired, remoteId ?? '', link !== null);
        if (desired.lifecycle === 'active') await this.#arrivals(desired, remoteId ?? '');
      }
    }
  }

  /** Of the memberships there are. */
  async #differences(desired: DesiredGroup, remoteId: string, linked: boolean): Promise<void> {
    const fed = linked ? await feedingGroups(this.#planning, remoteId) : [desired.id];
    const today = await planMemberships(this.#planning, desired, remoteId, fed);
    this.#add(today.changes, today.skipped.length);
  }

  /** Memberships of people who get an account, or get it back, by this plan. */
  async #arrivals(desired: DesiredGroup, remoteId: string): Promise<void> {
    const { db, context } = this.#planning;
    for await (const personIds of membersOfGroup(db, desired.id, PAGE)) {
      const accounts = personIds.flatMap((id) => this.#arriving.get(id) ?? []);
      const known = await ledgerEntries(
        db,
        context.store.id,
        remoteId,
        accounts.filter((account) => account !== ''),
      );
      this.#tally('grant', accounts.filter((account) => !known.has(account)).length);
    }
  }

  async *#pages(kind: Kind): AsyncGenerator<readonly string[]> {
    const { db, context } = this.#planning;
    let after: string | null = null;
    for (let page = 0; page < PAGES_MAX; page++) {
      const ids = await subjectsPage(db, context.store, kind, after, PAGE);
      yield ids;
      if (ids.length < PAGE) return;
      after = ids.at(-1) ?? null;
    }
  }

  #add(changes: readonly Change[], skipped: number): void {
    for (const change of changes) {
      this.#tally(change.op, 1);
      if (!isLoss(change)) continue;
      this.#losses += 1;
      this.#losers.add(
        change.op === 'revoke' ? (change.member.personId ?? change.member.remoteId) : change.subject.id,
      );
    }
    this.#tally('skipped', skipped);
  }

  #tally(key: string, count: number): void {
    this.#counts[key] = (this.#counts[key] ?? 0) + count;
  }

  /** Saved as one change of rules, losses beyond the limit all wait; so does every loss of a tripped brake. */
  async summary(): Promise<PreviewSummary> {
    const { db, context } = this.#planning;
    const { settings, store } = context;
    const limit = brakeLimit(settings, await countEnabledPeople(db, store.id));
    const brakes = store.brakeTrippedAt !== null || this.#losers.size > limit;
    const held = settings.brakePercent < 100 && brakes ? this.#losses : 0;
    const counts = { ...this.#counts, held };
    return Object.fromEntries(
      SUMMARY_KEYS.map((key) => [key, (counts as Record<string, number>)[key] ?? 0]),
    ) as PreviewSummary;
  }
}
