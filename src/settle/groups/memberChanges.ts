/** Applies grants and revokes of one remote group in batches of the vendor's size, and keeps the ledger in step. */

import type { MemberOutcome, VendorCall } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import { rememberDrift } from '../../db/seen/drift.ts';
import { forgetMembers, type LedgerEntry, recordMembers } from '../../db/seen/ledger.ts';
import { groupLinksByRemoteId } from '../../db/seen/links.ts';
import type { Standing } from '../../db/seen/standing.ts';
import { changeKey, type MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Attempt } from '../attempt.ts';
import { afterMemberships } from '../drift.ts';
import { remoteKey } from '../gate/claims.ts';
import { announceBatch, type Batch, batchesOf } from '../gate/memberBatches.ts';
import { UnansweredChanges } from '../recovery/unansweredChanges.ts';
import { type Refusal, saysNothingDone } from '../refusal.ts';
import {
  allRefused,
  noteRefusals,
  noteUnanswered,
  type RefusingGroup,
  refusalFor,
  wasRefused,
} from './refusedMembers.ts';

export interface AppliedMemberships {
  /** What the vendor refused, by `changeKey`. */
  readonly refused: ReadonlyMap<string, Refusal>;
  /** Other attempts settled some of these people meanwhile, or leavers went first: the rest must be planned anew. */
  readonly gaveWay: boolean;
  /** Records the last call, which is made already, so that it shares a transaction with the conclusion. */
  readonly recordLast: RecordLast | null;
}

/** `standing`: the group's status before. */
export type RecordLast = (tx: Db, standing?: Standing) => Promise<void>;

/** The planned changes of a remote group's memberships. */
export interface PlannedMemberships {
  readonly changes: readonly MembershipChange[];
  /** A moment of the attempt's claim: everything that the plan was made from was read after it. */
  readonly plannedAt: number;
}

export interface Recording {
  /** Runs in the transaction that records the change. */
  onDone(tx: Db, change: MembershipChange): Promise<void>;
  /** For the audit log. */
  why(change: MembershipChange): string;
}

/**
 * Where the vendor refuses a whole batch, its halves are sent apart until only refused members are left. Where
 * something else than the vendor answers, the other batches still go; then the error is thrown.
 */
export async function applyMemberships(
  attempt: Attempt,
  group: RefusingGroup,
  { changes, plannedAt }: PlannedMemberships,
  recording: Recording,
): Promise<AppliedMemberships> {
  const queue = batchesOf(changes, group.known, attempt.context.connector.capabilities.membersPerCallMax);
  const refused = new Map<string, Refusal>();
  const unanswered = new UnansweredChanges();
  const announceNext = (tx: Db, next: Batch | null) =>
    announceBatch(tx, attempt, [...unanswered.changes, ...(next ?? [])]);
  let isFirst = true;
  let told: readonly VendorCall[] = [];
  let gaveWay = false;
  let recordLast: RecordLast | null = null;
  for (let batch = queue.shift(); batch !== undefined && !gaveWay; batch = queue.shift()) {
    const accounts = batch.map(({ member }) => remoteKey('user', member.remoteId));
    // The gate has announced the first batch, unless other attempts have its accounts.
    const isAnnounced = isFirst && !attempt.claim.isTaken(accounts);
    const release = await attempt.claim.share(accounts, plannedAt);
    gaveWay = release === null;
    if (release === null) break;
    const next = queue[0] ?? null;
    const isLast = next === null && unanswered.error === null;
    try {
      if (isFirst && !isAnnounced) await attempt.recordAndGoOn((tx) => announceNext(tx, batch));
      isFirst = false;
      const turn = { batch, next, isLast, told, announceNext };
      const applied = await applyBatch(attempt, group, turn, recording);
      if (applied.is === 'split') {
        told = applied.calls;
        const half = Math.ceil(batch.length / 2);
        queue.unshift(batch.slice(0, half), batch.slice(half));
      } else {
        told = [];
        unanswered.answered();
        for (const [key, refusal] of applied.refused) refused.set(key, refusal);
        ({ recordLast } = applied);
      }
    } catch (error) {
      told = [];
      const isUnanswered = unanswered.takes(error, batch);
      if (isUnanswered) await noteUnanswered(attempt, group, batch, error as RemoteError);
      else if (unanswered.error && saysNothingDone(error)) await attempt.withdrawIntent();
      if (!isUnanswered || unanswered.areTooMany || next === null) throw unanswered.error ?? error;
      await attempt.recordAndGoOn((tx) => announceNext(tx, next));
    } finally {
      if (recordLast) attempt.claim.keep(release);
      else release();
    }
    gaveWay = queue.length > 0 && (await attempt.giveWay());
  }
  if (unanswered.error) throw unanswered.error;
  return { refused, gaveWay, recordLast };
}

type AppliedBatch =
  | {
      readonly is: 'done';
      readonly refused: readonly (readonly [key: string, refusal: Refusal])[];
      readonly recordLast: RecordLast | null;
    }
  | { readonly is: 'split'; readonly calls: readonly VendorCall[] };

interface Turn {
  readonly batch: Batch;
  readonly next: Batch | null;
  /** No batch comes after it, and no batch before it is unanswered. */
  readonly isLast: boolean;
  /** Refused calls for larger batches that no event lists yet. */
  readonly told: readonly VendorCall[];
  announceNext(tx: Db, next: Batch | null): Promise<void>;
}

async function applyBatch(
  attempt: Attempt,
  group: RefusingGroup,
  { batch, next, isLast, told, announceNext }: Turn,
  { onDone, why }: Recording,
): Promise<AppliedBatch> {
  const { store, connector } = attempt.context;
  const { remoteGroupId } = group;
  const [first] = batch;
  if (!first) return { is: 'done', refused: [], recordLast: null };
  const { calls: made, callContext } = attempt.calling(first.op);
  const outcomes = await connector
    .applyMembers(batch, callContext)
    .catch((error: unknown) => splitOrRefused(attempt, batch, made, error));
  const calls = [...told, ...made];
  if (outcomes === null) {
    // The vendor did nothing. The announced intent names the members of both halves.
    await attempt.recordAndGoOn(async () => {});
    return { is: 'split', calls };
  }
  const byId = new Map(outcomes.map((outcome) => [outcome.remoteId, outcome]));
  await ruleOutCredentialFor(attempt, group, batch, made, outcomes);
  const done = batch.filter((change) => byId.get(change.member.remoteId)?.outcome !== 'refused');
  const recordBatch: RecordLast = async (tx, standing) => {
    if (first.op === 'grant')
      await recordMembers(
        tx,
        store.id,
        remoteGroupId,
        done.map((change) => entryOf(attempt, change, byId)),
        attempt.now(),
      );
    else
      await forgetMembers(
        tx,
        store.id,
        remoteGroupId,
        done.map((change) => change.member.remoteId),
      );
    if (standing?.link?.hasDrift !== false) await endDrift(attempt, tx, remoteGroupId, done);
    await noteRefusals(tx, attempt, group, batch, byId);
    for (const change of done) await onDone(tx, change);
    if (done.length > 0)
      await attempt.changeEvent(tx, first, { calls, after: summary(done), reason: why(first) });
    for (const change of batch) {
      const outcome = byId.get(change.member.remoteId);
      if (outcome?.outcome === 'refused')
        await attempt.changeEvent(tx, change, {
          outcome: 'failure',
          calls,
          after: summary([change]),
          reason: outcome.reason ?? 'refused',
        });
    }
  };
  const recordApart = async (tx: Db) => {
    await recordBatch(tx);
    await announceNext(tx, next);
  };
  if (!isLast) await (next ? attempt.recordAndGoOn(recordApart) : attempt.record(recordApart));
  const refused = batch.flatMap((change) => {
    const refusal = refusalFor(change, byId.get(change.member.remoteId));
    return refusal ? [[changeKey(change), refusal] as const] : [];
  });
  return { is: 'done', refused, recordLast: isLast ? recordBatch : null };
}

/** Null where the batch is to be split, because one half may pass alone. */
async function splitOrRefused(
  ...failure: Parameters<typeof failed>
): Promise<readonly MemberOutcome[] | null> {
  const [, batch, , error] = failure;
  if (!(error instanceof RemoteError) || error.disposition !== 'rejected') return failed(...failure);
  if (error.splits && batch.length > 1) return null;
  return allRefused(batch, error);
}

/** Where the vendor refuses everybody, asks whether the credential is to blame. */
async function ruleOutCredentialFor(
  attempt: Attempt,
  { known }: RefusingGroup,
  batch: Batch,
  calls: readonly VendorCall[],
  outcomes: readonly MemberOutcome[],
): Promise<void> {
  const { type: store } = attempt.context.store;
  const owed = batch.filter((change) => change.op === 'revoke' && !wasRefused(known, change));
  for (const { remoteId, status, reason = '' } of outcomes) {
    if (status !== 401 && status !== 403) continue;
    const action = `change the membership of ${remoteId}`;
    const error = new RemoteError(reason, { store, action, disposition: 'forbidden', status, code: reason });
    try {
      const isOwed = owed.some(({ member }) => member.remoteId === remoteId);
      await attempt.ruleOutCredential(error, isOwed, remoteId);
    } catch (settled) {
      await attempt.withdrawIntent();
      await failed(attempt, batch, calls, settled);
    }
  }
}

/** Writes the failure into the audit log: if the account goes, its memberships go too, and this is the only trace. */
async function failed(
  attempt: Attempt,
  batch: Batch,
  calls: readonly VendorCall[],
  error: unknown,
): Promise<never> {
  const wasSent = error instanceof RemoteError && (error.disposition !== 'rateLimited' || calls.length > 0);
  if (wasSent) {
    await attempt.record((tx) =>
      attempt.changeEvent(tx, batch[0] as MembershipChange, {
        outcome: 'failure',
        calls,
        reason: error.message,
        after: { ...summary(batch), disposition: error.disposition },
      }),
    );
  }
  throw error;
}

/** Ends the drift of what the bridge has just written. */
async function endDrift(
  attempt: Attempt,
  tx: Db,
  remoteGroupId: string,
  done: readonly MembershipChange[],
): Promise<void> {
  const members = done.map(({ member }) => member);
  for (const link of await groupLinksByRemoteId(tx, attempt.context.store.id, remoteGroupId)) {
    if (link.drift !== null)
      await rememberDrift(tx, link.id, afterMemberships(link.drift, members), attempt.now());
  }
}

function entryOf(
  attempt: Attempt,
  change: MembershipChange,
  outcomes: ReadonlyMap<string, MemberOutcome>,
): LedgerEntry {
  // Adopted, as it was there before, unless an unanswered call of the bridge may have made it.
  const outcome = outcomes.get(change.member.remoteId);
  const found = outcome?.outcome === 'already' && !attempt.unknownOutcome;
  return {
    remoteUserId: change.member.remoteId,
    origin: found ? 'adopted' : 'added',
    level: outcome?.level ?? change.member.level,
    display: change.member.display,
    inherited: outcome?.inherited ?? false,
  };
}

const NAMED_MAX = 50;

function summary(changes: readonly MembershipChange[]) {
  return {
    remoteGroupId: changes[0]?.remoteId,
    count: changes.length,
    members: changes.slice(0, NAMED_MAX).map(({ member }) => ({
      personId: member.personId,
      remoteId: member.remoteId,
      display: member.display,
      level: member.level,
    })),
  };
}
