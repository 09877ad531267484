/**
 * Settles the memberships of one remote group: look, plan, ask the gate, apply in batches. Where leavers went first,
 * it starts anew.
 */

import { type LedgerEntry, recordMembers } from '../../db/seen/ledger.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import { membersAmong } from '../../db/seen/memberDifferences.ts';
import { changeKey, type MembershipChange, type Skip } from '../../model/change.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import type { MemberSituation } from '../../plan/groups/member.ts';
import { type MembershipPlan, planMembers } from '../../plan/groups/members.ts';
import type { Attempt } from '../attempt.ts';
import { openGate, tickOff } from '../gate/gate.ts';
import { firstIntent } from '../gate/memberBatches.ts';
import { LOSS_OF_MEMBER } from '../gate/taken.ts';
import type { Refusal } from '../refusal.ts';
import { whyGroupGone } from '../why.ts';
import { feedersOf, type GroupFacts } from './look.ts';
import { applyMemberships, type RecordLast } from './memberChanges.ts';
import { lookAtMembers, membersOfTask, type RemoteMembers } from './memberLook.ts';
import {
  forgetUnplanned,
  knownRefusals,
  NONE_REFUSED,
  refusedLately,
  refusedSince,
} from './refusedMembers.ts';
import { withRuleHolds } from './ruleHolds.ts';

export interface SettledMemberships {
  readonly heldReasons: readonly string[];
  readonly skipped: readonly Skip[];
  readonly refusals: readonly Refusal[];
  /** See `Outcome`. */
  readonly owedSince: string | null;
  /** Some changes wait for a decision or an applied preview, or the vendor refused them. */
  readonly waiting: boolean;
  /** The attempt looked at all members. */
  readonly wasWalked: boolean;
  readonly recordLast: RecordLast | null;
}

/** What a look knows of the group, as long as nothing was written since. */
export type Fed = Pick<GroupFacts, 'feeding' | 'isWalked' | 'someRefused'>;

/** Asks the vendor only once for each member whom it refuses. */
export async function settleMemberships(
  attempt: Attempt,
  desired: DesiredGroup,
  link: LinkRecord,
  looked: Fed | null,
): Promise<SettledMemberships> {
  const { remoteId } = link;
  const refused = new Map<string, Refusal>();
  let owedSince: string | null = null;
  const changed = desired.lifecycle === 'active' && looked?.isWalked ? onlyChanged(attempt) : null;
  let feeding = looked?.feeding ?? null;
  const gone =
    desired.lifecycle === 'gone' ? await whyGroupGone(attempt.db, attempt.context, desired.id) : null;
  for (;;) {
    const plannedAt = attempt.claim.mark();
    const noneRefused = feeding !== null && looked?.someRefused === false && !attempt.task.givesBack;
    const known = noneRefused ? NONE_REFUSED : await knownRefusals(attempt, remoteId);
    feeding ??= (await feedersOf(attempt, [remoteId])).get(remoteId)?.feeding ?? [];
    const { plan, groupIds } = await planMemberships(attempt, desired, { remoteId, feeding, changed });
    if (changed === null) await forgetUnplanned(attempt, remoteId, known, plan.changes);
    if (plan.taken.length > 0) await recordTaken(attempt, remoteId, plan.taken);
    const notRefused = (change: MembershipChange) =>
      !refused.has(changeKey(change)) && refusedLately(attempt, known, change) === null;
    const gate = await openGate(attempt, plan.changes, LOSS_OF_MEMBER, {
      membersAmong: (tx, personIds) => membersAmong(tx, groupIds, personIds),
      intentOf: (allowed) => firstIntent(attempt, allowed.filter(notRefused), known),
    });
    const allowed = gate.allowed.filter(notRefused);
    for (const change of gate.allowed) {
      const lately = refusedLately(attempt, known, change);
      if (lately) refused.set(changeKey(change), lately);
    }
    const planned = { changes: allowed, plannedAt };
    const applied = await applyMemberships(attempt, { remoteGroupId: remoteId, known }, planned, {
      onDone: (tx, change) => tickOff(tx, attempt, gate, change),
      why: ({ op }) => (op === 'revoke' && gone) || `${op === 'grant' ? 'a' : 'no'} member in the directory`,
    });
    for (const [key, refusal] of applied.refused) refused.set(key, refusal);
    const owed = allowed.filter((change) => change.op === 'revoke' && applied.refused.has(changeKey(change)));
    owedSince = latest([owedSince, ...owed.map((change) => refusedSince(attempt, known, change))]);
    if (applied.gaveWay) {
      feeding = null;
      continue;
    }
    return {
      heldReasons: gate.heldReasons,
      skipped: [...plan.skipped, ...gate.skipped],
      refusals: [...refused.values()],
      owedSince,
      waiting: gate.heldReasons.length + gate.skipped.length + refused.size > 0,
      wasWalked: changed === null,
      recordLast: applied.recordLast,
    };
  }
}

/** The latest of these ISO times. */
function latest(times: readonly (string | null)[]): string | null {
  return (
    times
      .filter((at) => at !== null)
      .sort()
      .at(-1) ?? null
  );
}

/** `groupIds`: the SCIM groups whose people are to be members. */
async function planMemberships(
  attempt: Attempt,
  desired: DesiredGroup,
  fed: Omit<RemoteMembers, 'seenIn'>,
): Promise<{ readonly plan: MembershipPlan; readonly groupIds: readonly string[] }> {
  const group = { ...fed, seenIn: null };
  const { remoteId } = group;
  const look = membersOfTask(attempt, { work: attempt, looking: () => attempt.looking('read') });
  const subject = { kind: 'group', id: desired.id, display: desired.display } as const;
  const plan = planMembers(subject, remoteId, await lookAtMembers(attempt, group, look));
  const groupIds = group.feeding.map(({ groupId }) => groupId);
  return { plan: await withRuleHolds(attempt, plan, [desired.id, ...groupIds]), groupIds };
}

/**
 * In a group that was walked before, the people whose memberships changed since; null where nobody knows. After an
 * unknown outcome the attempt looks at all members.
 */
function onlyChanged({ task, unknownOutcome }: Attempt): readonly string[] | null {
  return unknownOutcome || task.postponed > 0 ? null : task.changedMembers;
}

function recordTaken(attempt: Attempt, remoteId: string, taken: readonly MemberSituation[]): Promise<void> {
  const entries = taken.map(
    ({ member, ledger }): LedgerEntry => ({
      remoteUserId: member.remoteId,
      origin: 'adopted',
      level: ledger?.level ?? null,
      display: member.display,
    }),
  );
  return attempt.record((tx) =>
    recordMembers(tx, attempt.context.store.id, remoteId, entries, attempt.now()),
  );
}
