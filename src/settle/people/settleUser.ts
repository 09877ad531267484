/** Settles one person on one store: look, plan, ask the gate, apply change by change, conclude. */

import type { Db } from '../../db/open.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import { setRemovalSince } from '../../db/queue/removals.ts';
import type { KeysOfLink } from '../../db/seen/keys.ts';
import { getLink, type LinkRecord } from '../../db/seen/links.ts';
import { type Plan, replacesIdentity, type UserChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { LossOf } from '../../plan/losses.ts';
import { isSpared, planUser } from '../../plan/people/user.ts';
import type { Attempt } from '../attempt.ts';
import { remoteKey } from '../gate/claims.ts';
import { desiredOf } from '../gate/decisions.ts';
import { type Gate, openGate } from '../gate/gate.ts';
import { giveBackToPerson } from '../giveBack/account.ts';
import { refusedToPerson } from '../groups/refusedMembers.ts';
import { recordKeys } from '../keys/holders.ts';
import { keysNotHad, type NotHad, type OrderedPerson, orderPerson, wantedBy } from '../keys/people.ts';
import { isUsable, type Verified, verifyLeaver } from '../leavers.ts';
import { conclude, type Outcome } from '../outcome.ts';
import { correctedThere, forgetRepaired } from '../recovery/readBack.ts';
import type { Refusal } from '../refusal.ts';
import { applyRepairs } from '../repairs.ts';
import { countOthersOfCause } from '../scopeMoves.ts';
import { waitsForSeats } from '../seats.ts';
import { countsRemoval, isCountRight } from '../situation.ts';
import { type AppliedChanges, applyUserChanges } from './applyChanges.ts';
import { lookAtPerson, lookBeforeNaming } from './asked.ts';
import { askToClear, CLEARING_LOOK_MS, type Clearing, clearFirst } from './clearFirst.ts';
import { enqueueGroupsOf, groupsFollow } from './groupsOf.ts';
import type { PersonFacts } from './look.ts';
import { enqueueReports } from './reports.ts';

/** After a conflict, or where the account vanished, the bridge looks again, this many times at most. */
const PASSES_MAX = 3;

/** Throws the RemoteError of the vendor where another look would not help. */
export async function settleUser(attempt: Attempt): Promise<void> {
  for (let pass = 1; ; pass++) {
    try {
      return await attemptUser(attempt);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      if (error.unrecognised && error.disposition === 'unknownOutcome') return lookAtOutcome(attempt, error);
      if (pass === PASSES_MAX || !(await isRetryable(attempt, error))) throw error;
    }
  }
}

/**
 * Something else than the vendor answered the write. Where a look shows it done, the task is over; otherwise it is
 * tried later.
 */
async function lookAtOutcome(attempt: Attempt, error: RemoteError): Promise<void> {
  attempt.markOutcomeUnknown();
  try {
    await attemptUser(attempt, error);
  } catch (second) {
    throw second instanceof RemoteError ? error : second;
  }
}

/** Whether another look may help: another account has the identifier, or the account vanished. */
async function isRetryable(attempt: Attempt, error: RemoteError): Promise<boolean> {
  if (error.disposition === 'conflict') {
    await attempt.withdrawIntent();
    attempt.unknownOutcome = true;
    return true;
  }
  if (error.disposition !== 'missing') return false;
  const link = await getLink(attempt.db, attempt.context.store.id, attempt.task.subject);
  if (!link) return false;
  await attempt.record(async (tx) => {
    await applyRepairs(tx, attempt, [{ kind: 'vanish', link }]);
    await attempt.noteLost(tx);
  });
  return true;
}

/**
 * `sent`: the error of an earlier write, where the caller only wants to know how that ended. It is thrown where
 * anything is left to do.
 */
async function attemptUser(attempt: Attempt, sent?: RemoteError): Promise<void> {
  await giveBackToPerson(attempt, sent);
  const facts = await lookClosely(attempt);
  const plan = planUser(facts);
  if (sent && plan.changes.length > 0) throw sent;
  if (await waitsForSeats(attempt, plan, facts.repairs)) return;
  await countOthersOfCause(attempt, facts, plan);
  const keys = wantedBy(attempt, facts, plan.changes);
  const gate = await openGate(attempt, plan.changes, lossOf(facts), { repairs: facts.repairs, keys });
  const order = await orderPerson(attempt, facts, gate);
  const clearing = await clearFirst(attempt, order.facts, order.changes);
  const applied = await applyUserChanges(attempt, order.facts, { ...gate, allowed: clearing.changes });
  const notHad = await keysNotHad(attempt, order, applied.taken);
  const corrected = await correctedThere(attempt, 'user', order.facts.record, clearing.changes);
  const proof = isIdle(gate) || applied.isKeptThere ? await verifyLeaver(attempt, facts) : {};
  await concludeUser(attempt, {
    facts: order.facts,
    plan,
    gate,
    order,
    clearing,
    applied,
    notHad,
    corrected,
    proof,
  });
}

async function lookClosely(attempt: Attempt): Promise<PersonFacts> {
  const facts = await lookAtPerson(attempt);
  const accounts = [facts.account, facts.record, facts.passing];
  attempt.claim.take(accounts.flatMap((known) => (known ? [remoteKey('user', known.remoteId)] : [])));
  const { link } = facts;
  // Somebody may have promoted the account since it was seen.
  const names =
    link && planUser({ ...facts, link: { ...link, privileged: true } }).changes.some(replacesIdentity);
  return names ? lookBeforeNaming(attempt, facts) : facts;
}

function lossOf({ desired }: PersonFacts): LossOf {
  return {
    personKey: () => desired.id,
    desired: (change) => desiredOf(change, desired),
    wanted: desired.attributes,
  };
}

/** Nothing is to be done, and nothing waits for a decision. */
function isIdle({ allowed, heldReasons }: Gate): boolean {
  return allowed.length + heldReasons.length === 0;
}

interface Attempted {
  readonly facts: PersonFacts;
  readonly plan: Plan<UserChange>;
  readonly gate: Gate<UserChange>;
  readonly order: OrderedPerson;
  readonly clearing: Clearing;
  readonly applied: AppliedChanges;
  readonly notHad: NotHad;
  /** Attributes that somebody had changed by hand, and that the vendor shows corrected. */
  readonly corrected: readonly string[];
  readonly proof: Verified;
}

/** One transaction records the last change, the person's status, and the end of the task. */
async function concludeUser(attempt: Attempt, attempted: Attempted): Promise<void> {
  const { facts, clearing, applied } = attempted;
  const { desired } = facts;
  await attempt.recordEnd(async (tx, standing) => {
    const { link, affectsGroups } = await applied.recordLast(tx);
    if (link)
      await recordKeys(tx, attempt, link, link.id === standing.link?.id ? standing.link.keys : NO_KEYS);
    if (link) await forgetRepaired(tx, link, attempted.corrected, attempt.now());
    if (link && !isCountRight(link, desired))
      await setRemovalSince(tx, link.id, countsRemoval(link, desired) ? attempt.now() : null);
    const mayBeRefused = standing.someRefused && desired.lifecycle === 'active';
    const refusedThere = mayBeRefused ? await refusedToPerson(tx, attempt, desired) : [];
    const said = await conclude(tx, attempt, outcomeOf(attempted, refusedThere), standing);
    if (clearing.groupIds.length > 0) await askToClear(tx, attempt, clearing.groupIds);
    if ((desired.returns && applied.accessTaken) || isStranded(attempted)) await enqueueAgain(tx, attempt);
    const isNewlyProtected = facts.repairs.some(({ kind }) => kind === 'protect');
    if (affectsGroups || isNewlyProtected || groupsFollow(attempt, desired, said))
      await enqueueGroupsOf(tx, attempt, link?.remoteId, isNewlyProtected ? null : onlyThis(facts, link));
    await enqueueReports(tx, attempt);
  });
}

/** The keys of a link that this transaction makes. */
const NO_KEYS: KeysOfLink = new Map();

/** The people whose memberships follow from the account: this one alone, or null where an account of theirs went. */
function onlyThis({ desired, record }: PersonFacts, link: LinkRecord | null): readonly string[] | null {
  const isSame = record === null || record.remoteId === link?.remoteId;
  return isSame && link?.state !== 'removed' ? [desired.id] : null;
}

/** The person stepped aside for a value that it cannot have any more, and goes back to the former one. */
function isStranded({ facts, applied }: Attempted): boolean {
  const { temporary, desired } = facts;
  return applied.taken.some(
    ({ attribute, value }) =>
      (temporary.get(attribute) ?? null) !== null && desired.attributes[attribute] === value,
  );
}

/**
 * Queues the person again: the account is disabled first, and what would enable it is planned, and held, after that.
 */
function enqueueAgain(tx: Db, attempt: Attempt): Promise<void> {
  const { environmentId, storeId, subject, causes } = attempt.task;
  return enqueueTask(tx, storeId, {
    environmentId,
    subject,
    priority: PRIORITY.normal,
    correlationIds: causes,
    at: attempt.now(),
  });
}

function outcomeOf(
  { facts, plan, gate, order, clearing, applied, notHad, proof }: Attempted,
  refusedThere: readonly Refusal[],
): Outcome {
  const { lifecycle } = facts.desired;
  return {
    heldReasons: gate.heldReasons,
    skipped: [...plan.skipped, ...gate.skipped, ...(proof.skipped ?? [])],
    refusals: [...order.refusals, ...applied.refusals, ...notHad.refusals, ...refusedThere],
    waiting: [...order.waiting, ...whyNotEnabledYet(facts, clearing)],
    ...(clearing.groupIds.length > 0 ? { waitMs: CLEARING_LOOK_MS } : {}),
    keyWaits: { known: facts.keyWaits, now: notHad.keyWaits },
    forgotten: lifecycle === 'gone',
    leaving: {
      lifecycle,
      hadAccess: hadAccess(facts),
      isSpared: !applied.accessTaken && (facts.isProtected || isSpared(facts)),
      waits: gate.lossWaits,
      accessTaken: applied.accessTaken,
      ...proof.leaving,
    },
  };
}

function whyNotEnabledYet({ desired }: PersonFacts, { groupIds }: Clearing): readonly string[] {
  if (groupIds.length === 0) return [];
  return [`${desired.display} is enabled once the memberships that nobody wants any more are gone`];
}

function hadAccess({ link, account }: PersonFacts): boolean {
  if (link) return isUsable(link);
  return account?.state === 'enabled' || account?.state === 'invited' || account?.awaitsApproval === true;
}
