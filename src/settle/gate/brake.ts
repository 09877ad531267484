/**
 * Reads the brake's books to judge the losses of one plan, and writes down the judgement. Both happen in one
 * transaction under the store's lock, so that any number of workers together stays within the limit.
 */

import { reservingPerson } from '../../db/brake/brakeLedger.ts';
import type { Books } from '../../db/brake/gateBooks.ts';
import { insertDiscarded, insertHeld, type LossRecord } from '../../db/brake/losses.ts';
import { undoneFor } from '../../db/brake/undoneCauses.ts';
import type { Db } from '../../db/open.ts';
import { type CalledOff, calledOff } from '../../db/pull/undo.ts';
import { countMembers } from '../../db/seen/ledger.ts';
import { countEnabledPeople } from '../../db/seen/linkLists.ts';
import { tripBrake } from '../../db/stores/storeProgress.ts';
import { send } from '../../db/transaction.ts';
import { type Change, isLoss, replacesIdentity } from '../../model/change.ts';
import type { CauseCount } from '../../model/loss.ts';
import { brakeLimit, emptiesGroup, endedByOneCause, peopleOfLargestCause } from '../../plan/brake.ts';
import {
  type FreshLoss,
  type Judgement,
  judgeLosses,
  type LossOf,
  undecidedRevokes,
} from '../../plan/losses.ts';
import { isoTime } from '../../support/clock.ts';
import type { Attempt } from '../attempt.ts';
import { gatherIncident, type Stopped } from './incident.ts';
import { PlanOutdated } from './outdated.ts';
import { causeOfLoss, newestTaking, rankOf } from './taken.ts';

export interface Question<C extends Change> {
  readonly changes: readonly C[];
  /** `changeKey`s of losses in an applied preview that released what the brake held. */
  readonly released: ReadonlySet<string>;
  readonly books: Books;
  readonly lossOf: LossOf;
  /** As the store's row says, which this transaction has locked. */
  readonly isTripped: boolean;
}

/** Also answers the ids of losses that were held before and stay held. */
export async function askBrake<C extends Change>(
  tx: Db,
  attempt: Attempt,
  { changes, released, books, lossOf, isTripped: tripped }: Question<C>,
): Promise<Judgement<C>> {
  const { store, settings } = attempt.context;
  const { known, window, causes: about, undone } = books;
  const people = [...new Set(changes.filter(isLoss).map((change) => lossOf.personKey(change)))];
  const { used, inWindow } = window;
  const base = window.base ?? (await countEnabledPeople(tx, store.id));
  // The request was still being written when its people were counted, so it may have taken more since.
  if (about.announced < attempt.announced) throw new PlanOutdated(store.id);
  const causes = changes.some(replacesIdentity) ? [...about.counts, ...about.identities] : about.counts;
  const peopleOfCause = peopleOfLargestCause(causes, people.length);
  const { isDecided } = about;
  const cause = isDecided || undone.size > 0 ? newestTaking(attempt, about.taking) : null;
  const off = new Map([
    ...(isDecided ? await calledOff(tx, cause, attempt.task.subject, people) : []),
    ...(cause !== null && undone.has(cause) && mayComeFrom(cause, changes, attempt)
      ? await undoneFor(tx, cause, withoutHeld(people, known))
      : []),
  ]);
  const emptied = await emptiedGroup(tx, attempt, undecidedRevokes(changes, known), causes);
  const judgement = judgeLosses({
    changes,
    lossOf,
    known,
    released,
    confirmed: store.status === 'DELETING',
    decided: isDecided,
    calledOff: off,
    settings,
    window: { base, used, tripped },
    inWindow,
    peopleOfCause,
    emptiesGroup: emptied,
  });
  const limit = brakeLimit(settings, base);
  const isWhole = peopleOfCause > limit || emptied !== null;
  const trip = judgement.trips !== null ? 'now' : tripped && !isWhole ? 'before' : null;
  const stopped = { storeId: store.id, limit, base, trip, windowStart: window.since } as const;
  const held = await hold(tx, attempt, judgement.fresh, stopped);
  const declined = await decline(tx, attempt, judgement.declined, cause, off);
  for (const person of judgement.reserved)
    await send(tx, [reservingPerson(store.id, person, base, attempt.now())]);
  if (judgement.trips !== null) {
    await tripBrake(tx, store.id, attempt.now());
    attempt.warn('the brake tripped: every loss on the store is held', { reason: judgement.trips });
    await attempt.event(tx, { kind: 'brake.tripped', outcome: 'held', reason: judgement.trips });
  }
  return { ...judgement, kept: [...judgement.kept, ...held, ...declined] };
}

/** When the brake's window begins; an ISO time. */
export function windowStart({ context, deps }: Attempt): string {
  return isoTime(deps.clock.now() - context.settings.brakeWindowMinutes * 60_000);
}

/** Whether the cause may have brought these changes. A new address or name always comes from the newest request. */
function mayComeFrom(cause: string, changes: readonly Change[], { task }: Attempt): boolean {
  return (
    task.causes.at(-1) === cause || changes.some((change) => isLoss(change) && !replacesIdentity(change))
  );
}

/** Leaves out whom another incident holds something of: that waits for its own decision. */
function withoutHeld(people: readonly string[], known: readonly LossRecord[]): readonly string[] {
  const held = new Set(known.flatMap(({ state, personKey }) => (state === 'held' ? [personKey] : [])));
  return people.filter((person) => !held.has(person));
}

/** Records losses that an admin called off as if the admin had discarded them. */
async function decline(
  tx: Db,
  attempt: Attempt,
  losses: readonly FreshLoss[],
  cause: string | null,
  off: ReadonlyMap<string, CalledOff>,
): Promise<readonly string[]> {
  const rows = losses.map((loss) => {
    const { incidentId = null, by = null } = off.get(loss.personKey) ?? {};
    return { ...rowOf(attempt, loss, cause), incidentId, decidedBy: by };
  });
  return insertDiscarded(tx, rows, attempt.now());
}

/** Why these revokes, all of one remote group, would empty it; null where they would not. */
async function emptiedGroup(
  tx: Db,
  { context: { store, settings } }: Attempt,
  revokes: readonly Change[],
  causes: readonly CauseCount[],
): Promise<string | null> {
  const [first] = revokes;
  if (first?.op !== 'revoke' || settings.brakeGroupPercent >= 100) return null;
  const ended = endedByOneCause(causes, revokes.length);
  const memberships = await countMembers(tx, store.id, first.remoteId);
  return emptiesGroup(settings, { group: first.subject.display, memberships, ended });
}

async function hold(
  tx: Db,
  attempt: Attempt,
  fresh: readonly FreshLoss[],
  stopped: Omit<Stopped, 'cause'>,
): Promise<readonly string[]> {
  const [first] = fresh;
  if (!first) return [];
  const cause = await causeOfLoss(tx, attempt);
  // A change that takes nothing from anybody waits outside of any incident.
  const takes = fresh.some(({ change }) => isLoss(change));
  const incident = takes ? await gatherIncident(tx, attempt, { ...stopped, cause }) : null;
  const rows = fresh.map((loss) => ({
    ...rowOf(attempt, loss, cause),
    incidentId: isLoss(loss.change) ? (incident?.id ?? null) : null,
  }));
  const held = await insertHeld(tx, rows, attempt.now());
  attempt.warn('a change waits for a decision', {
    op: first.change.op,
    changes: fresh.length,
    reason: first.reason,
    ...(incident ? { incident: incident.number } : {}),
  });
  await attempt.event(tx, {
    kind: 'change.held',
    outcome: 'held',
    subject: first.change.subject,
    reason: first.reason,
    after: { held: fresh.length, op: first.change.op, ...(incident ? { incident: incident.number } : {}) },
  });
  return held.map(({ id }) => id);
}

function rowOf(attempt: Attempt, loss: FreshLoss, cause: string | null) {
  const { environmentId, subject } = attempt.task;
  return {
    ...loss,
    environmentId,
    storeId: attempt.context.store.id,
    subject,
    cause,
    rank: rankOf(loss.change),
  };
}
