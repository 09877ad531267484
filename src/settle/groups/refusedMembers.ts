/**
 * Memberships that the vendor refuses. The bridge remembers them: it names them in the person's status too, sends
 * them apart from others, and does not send a refused grant again with every change of the group.
 */

import type { MemberOutcome } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import { userLinksByRemoteId } from '../../db/seen/links.ts';
import {
  forgetRefused,
  type RefusedMembership,
  refusedIn,
  refusedOfPerson,
  saveRefused,
} from '../../db/seen/refusedMemberships.ts';
import type { MembershipChange } from '../../model/change.ts';
import type { RemoteError } from '../../model/errors.ts';
import type { Attempt } from '../attempt.ts';
import type { Refusal } from '../refusal.ts';

/** By the account's remote id. */
export type KnownRefusals = ReadonlyMap<string, RefusedMembership>;

export const NONE_REFUSED: KnownRefusals = new Map();

export async function knownRefusals(attempt: Attempt, remoteGroupId: string): Promise<KnownRefusals> {
  const known = await refusedIn(attempt.db, attempt.context.store.id, remoteGroupId);
  return new Map(known.map((row) => [row.remoteUserId, row]));
}

/** The vendor refused this very change before. */
export function wasRefused(known: KnownRefusals, { op, member }: MembershipChange): boolean {
  const before = known.get(member.remoteId);
  return before?.op === op && before.level === member.level;
}

/** ISO time. */
export function refusedSince(attempt: Attempt, known: KnownRefusals, change: MembershipChange): string {
  const before = wasRefused(known, change) ? known.get(change.member.remoteId) : undefined;
  return before?.refusedAt ?? attempt.now();
}

const ASKED_AGAIN_AFTER_MS = 60 * 60_000;

/**
 * Why the bridge does not send the grant now; null where it does. A sync sends everything again, and a revoke is
 * always sent.
 */
export function refusedLately(
  attempt: Attempt,
  known: KnownRefusals,
  change: MembershipChange,
): Refusal | null {
  const { member, op } = change;
  const before = known.get(member.remoteId);
  if (!before || before.unanswered || op === 'revoke' || !wasRefused(known, change)) return null;
  const age = attempt.deps.clock.now() - Date.parse(before.refusedAt);
  if (age > ASKED_AGAIN_AFTER_MS || attempt.task.priority >= PRIORITY.sync) return null;
  return refusalOf(op, member.display, before.words);
}

export function refusalOf(op: 'grant' | 'revoke', who: string, words: string, group?: string): Refusal {
  const where = group === undefined ? '' : op === 'grant' ? ` to ${group}` : ` from ${group}`;
  const verb = op === 'grant' ? 'could not be added' : 'could not be removed';
  return { reason: `${who} ${verb}${where}: ${words}`, vendor: { status: null, code: null, message: words } };
}

export function refusalFor(
  { op, member }: MembershipChange,
  outcome: MemberOutcome | undefined,
): Refusal | null {
  if (outcome?.outcome !== 'refused') return null;
  return refusalOf(op, member.display, outcome.reason ?? 'refused without a reason');
}

/** The outcomes of a batch that the vendor refused whole with this error. */
export function allRefused(
  batch: readonly MembershipChange[],
  { message: reason, status }: RemoteError,
): readonly MemberOutcome[] {
  const refused = { outcome: 'refused', reason, ...(status === undefined ? {} : { status }) } as const;
  return batch.map(({ member: { remoteId } }) => ({ remoteId, ...refused }));
}

/** A remote group, and what its vendor refused before. */
export interface RefusingGroup {
  readonly remoteGroupId: string;
  readonly known: KnownRefusals;
}

/** Something else than the vendor answered, and the attempt goes on to other members. Each person's status says so. */
export async function noteUnanswered(
  attempt: Attempt,
  group: RefusingGroup,
  batch: readonly MembershipChange[],
  error: RemoteError,
): Promise<void> {
  attempt.leaveUnanswered();
  const outcomes = new Map(allRefused(batch, error).map((outcome) => [outcome.remoteId, outcome]));
  await attempt.record((tx) => noteRefusals(tx, attempt, group, batch, outcomes, true));
}

/** Part of the transaction that records the batch. */
export async function noteRefusals(
  tx: Db,
  attempt: Attempt,
  { remoteGroupId, known }: RefusingGroup,
  batch: readonly MembershipChange[],
  outcomes: ReadonlyMap<string, MemberOutcome>,
  unanswered = false,
): Promise<void> {
  const { id: storeId } = attempt.context.store;
  const rows = batch.flatMap((change): RefusedMembership[] => {
    const { op, member } = change;
    const { remoteId, level } = member;
    const outcome = outcomes.get(remoteId);
    if (outcome?.outcome !== 'refused') return [];
    const words = outcome.reason ?? 'refused without a reason';
    const refusedAt = op === 'revoke' ? refusedSince(attempt, known, change) : attempt.now();
    return [{ remoteUserId: remoteId, op, level, words, refusedAt, unanswered }];
  });
  await saveRefused(tx, storeId, remoteGroupId, rows);
  const refused = new Set(rows.map(({ remoteUserId }) => remoteUserId));
  const ids = batch.map(({ member }) => member.remoteId);
  await forget(
    tx,
    attempt,
    remoteGroupId,
    ids.filter((id) => known.has(id) && !refused.has(id)),
  );
  const news = batch.filter(
    (change) =>
      refused.has(change.member.remoteId) &&
      (!wasRefused(known, change) || isReworded(known, change, outcomes)),
  );
  for (const { member } of news) if (member.personId) await enqueuePerson(tx, attempt, member.personId);
}

function isReworded(
  known: KnownRefusals,
  { member }: MembershipChange,
  outcomes: ReadonlyMap<string, MemberOutcome>,
): boolean {
  return known.get(member.remoteId)?.words !== outcomes.get(member.remoteId)?.reason;
}

/** Forgets refusals of changes that are no longer planned. */
export async function forgetUnplanned(
  attempt: Attempt,
  remoteGroupId: string,
  known: KnownRefusals,
  planned: readonly MembershipChange[],
): Promise<void> {
  if (known.size === 0) return;
  const still = new Set(planned.map(({ member }) => member.remoteId));
  const over = [...known.keys()].filter((id) => !still.has(id));
  if (over.length > 0) await attempt.record((tx) => forget(tx, attempt, remoteGroupId, over));
}

async function forget(
  tx: Db,
  attempt: Attempt,
  remoteGroupId: string,
  remoteUserIds: readonly string[],
): Promise<void> {
  if (remoteUserIds.length === 0) return;
  const { id: storeId } = attempt.context.store;
  await forgetRefused(tx, storeId, remoteGroupId, remoteUserIds);
  for (const { subject } of (await userLinksByRemoteId(tx, storeId, remoteUserIds)).values())
    await enqueuePerson(tx, attempt, subject.id);
}

/** Queues the person, so that their status is written anew. */
function enqueuePerson(tx: Db, attempt: Attempt, id: string): Promise<void> {
  const { store } = attempt.context;
  return enqueueTask(tx, store.id, {
    environmentId: store.environmentId,
    subject: { kind: 'user', id },
    priority: Math.max(PRIORITY.normal, attempt.task.priority),
    correlationIds: attempt.task.causes,
    at: attempt.now(),
  });
}

/** Which of a person's memberships the vendor refuses. */
export async function refusedToPerson(
  tx: Db,
  attempt: Attempt,
  { id, display }: { readonly id: string; readonly display: string },
): Promise<readonly Refusal[]> {
  const refused = await refusedOfPerson(tx, attempt.context.store.id, id);
  return refused.map(({ op, words, groupName }) => refusalOf(op, display, words, groupName));
}
