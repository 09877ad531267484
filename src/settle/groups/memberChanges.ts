/** Applies grants and revokes of one remote group in the vendor's batches, and keeps the ledger in step. */

import type { MemberOutcome, VendorCall } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import { rememberDrift } from '../../db/seen/drift.ts';
import { forgetMembers, type LedgerEntry, recordMembers } from '../../db/seen/ledger.ts';
import { groupLinksByRemoteId } from '../../db/seen/links.ts';
import { changeKey, type MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Attempt } from '../attempt.ts';
import { afterMemberships } from '../drift.ts';
import type { Refusal } from '../refusal.ts';

export interface AppliedMemberships {
  /** What the vendor refused, by `changeKey`. */
  readonly refused: ReadonlyMap<string, Refusal>;
  /** Leavers went before the rest, which is to be planned anew. */
  readonly gaveWay: boolean;
}

export interface Recording {
  /** Runs in the transaction that records the change. */
  onDone(tx: Db, change: MembershipChange): Promise<void>;
  /** For the audit log. */
  why(change: MembershipChange): string;
}

export async function applyMemberships(
  attempt: Attempt,
  remoteGroupId: string,
  changes: readonly MembershipChange[],
  recording: Recording,
): Promise<AppliedMemberships> {
  const batches = batchesOf(changes, attempt.context.connector.capabilities.membersPerCallMax);
  const [first] = batches;
  if (first) await attempt.recordAndGoOn((tx) => announce(tx, attempt, first));
  const refused = new Map<string, Refusal>();
  for (const [index, batch] of batches.entries()) {
    const next = batches[index + 1] ?? null;
    for (const [key, refusal] of await applyBatch(attempt, remoteGroupId, { batch, next }, recording))
      refused.set(key, refusal);
    if (next && (await attempt.giveWay())) return { refused, gaveWay: true };
  }
  return { refused, gaveWay: false };
}

type Batch = readonly MembershipChange[];

function batchesOf(changes: readonly MembershipChange[], size: number): readonly Batch[] {
  const batches: Batch[] = [];
  for (const op of ['grant', 'revoke'] as const) {
    const mine = changes.filter((change) => change.op === op);
    for (let from = 0; from < mine.length; from += size) batches.push(mine.slice(from, from + size));
  }
  return batches;
}

/** Notes whom the next call is about, so that whoever finds the note knows whose memberships those are. */
async function announce(tx: Db, attempt: Attempt, batch: Batch): Promise<void> {
  const members = batch.map((change) => change.member.remoteId);
  await attempt.announce(tx, { ops: batch.slice(0, 1).map(({ op }) => op), attributes: {}, members });
}

async function applyBatch(
  attempt: Attempt,
  remoteGroupId: string,
  { batch, next }: { readonly batch: Batch; readonly next: Batch | null },
  { onDone, why }: Recording,
): Promise<readonly (readonly [key: string, refusal: Refusal])[]> {
  const { store, connector } = attempt.context;
  const [first] = batch;
  if (!first) return [];
  const { calls, callContext } = attempt.calling(first.op);
  const outcomes = await connector
    .applyMembers(batch, callContext)
    .catch((error: unknown) => failed(attempt, batch, calls, error));
  const byId = new Map(outcomes.map((outcome) => [outcome.remoteId, outcome]));
  const done = batch.filter((change) => byId.get(change.member.remoteId)?.outcome !== 'refused');
  const recordBatch = async (tx: Db) => {
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
    await endDrift(attempt, tx, remoteGroupId, done);
    for (const change of done) await onDone(tx, change);
    if (next) await announce(tx, attempt, next);
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
  await (next ? attempt.recordAndGoOn(recordBatch) : attempt.record(recordBatch));
  return batch.flatMap((change) => {
    const refusal = refusalOf(change, byId.get(change.member.remoteId));
    return refusal ? [[changeKey(change), refusal] as const] : [];
  });
}

/** Of an attempt whose outcome is unknown this may be all that is ever told: an account that goes takes its memberships along. */
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

/** What the bridge has just written is no longer as somebody left it. */
async function endDrift(
  attempt: Attempt,
  tx: Db,
  remoteGroupId: string,
  done: readonly MembershipChange[],
): Promise<void> {
  const remoteIds = new Set(done.map((change) => change.member.remoteId));
  for (const link of await groupLinksByRemoteId(tx, attempt.context.store.id, remoteGroupId)) {
    if (link.drift !== null)
      await rememberDrift(tx, link.id, afterMemberships(link.drift, remoteIds), attempt.now());
  }
}

function entryOf(
  attempt: Attempt,
  change: MembershipChange,
  outcomes: ReadonlyMap<string, MemberOutcome>,
): LedgerEntry {
  // There before we asked: adopted, unless an unanswered call of ours may have put it there.
  const found = outcomes.get(change.member.remoteId)?.outcome === 'already' && !attempt.unknownOutcome;
  return {
    remoteUserId: change.member.remoteId,
    origin: found ? 'adopted' : 'added',
    level: change.member.level,
    display: change.member.display,
    inherited: outcomes.get(change.member.remoteId)?.inherited ?? false,
  };
}

function refusalOf(change: MembershipChange, outcome: MemberOutcome | undefined): Refusal | null {
  if (outcome?.outcome !== 'refused') return null;
  const message = outcome.reason ?? 'refused without a reason';
  const verb = change.op === 'grant' ? 'could not be added' : 'could not be removed';
  const vendor = { status: null, code: null, message };
  return { reason: `${change.member.display} ${verb}: ${message}`, vendor };
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
