/**
 * Memberships that an earlier attempt may have granted or revoked without an answer. After a read of the members,
 * those it granted count as the bridge's, and the audit log tells what it did.
 */

import type { Db } from '../../db/open.ts';
import { type LedgerEntry, ledgerEntries, recordMembers } from '../../db/seen/ledger.ts';
import { type LinkRecord, userLinksByRemoteId } from '../../db/seen/links.ts';
import type { Attempt } from '../attempt.ts';
import { LOSS_OF_MEMBER, recordFoundLoss } from '../gate/taken.ts';
import { foundEvent } from './found.ts';

const NAMED_MAX = 50;

/**
 * `unseen`: entries that the read did not see. For a revoke, every member who is not there counts as found, because
 * the entry may have left the ledger earlier: with a disabled account, or after a scan.
 */
export async function recoverMembers(
  attempt: Attempt,
  link: LinkRecord,
  unseen: readonly LedgerEntry[],
): Promise<void> {
  const { ops = [], members = [], again = false } = attempt.intent ?? {};
  const wasGranting = ops.includes('grant');
  const wasRevoking = ops.includes('revoke');
  if (members.length === 0 || !(wasGranting || wasRevoking)) return;
  const { store } = attempt.context;
  const there = await ledgerEntries(attempt.db, store.id, link.remoteId, members);
  const granted = wasGranting ? [...there.values()].filter(({ origin }) => origin === 'foreign') : [];
  const gone = members.filter((remoteId) => !there.has(remoteId));
  const justGone = new Set(unseen.map((entry) => entry.remoteUserId));
  // Where the intent has grants and revokes, nobody knows whom the revokes were about: a grant that failed is not
  // there either.
  const isSure = !again && !wasGranting;
  const revoked = wasRevoking ? gone.filter((remoteId) => isSure || justGone.has(remoteId)) : [];
  const names = new Map([...there.values(), ...unseen].map((entry) => [entry.remoteUserId, entry.display]));
  const tell = async (tx: Db, op: 'grant' | 'revoke', found: readonly string[]) => {
    if (found.length === 0) return;
    await foundEvent(tx, attempt, op, link.remoteName, {
      remoteGroupId: link.remoteId,
      count: found.length,
      members: found
        .slice(0, NAMED_MAX)
        .map((remoteId) => ({ remoteId, display: names.get(remoteId) ?? remoteId })),
    });
  };
  const mine = granted.map((entry) => ({ ...entry, origin: 'added' as const }));
  await attempt.record(async (tx) => {
    await attempt.forgetIntent(tx);
    await recordMembers(tx, store.id, link.remoteId, mine, attempt.now());
    const found = mine.map((entry) => entry.remoteUserId);
    await tell(tx, 'grant', found);
    await recordRevoked(tx, attempt, link, revoked, unseen);
    await tell(tx, 'revoke', revoked);
  });
}

async function recordRevoked(
  tx: Db,
  attempt: Attempt,
  link: LinkRecord,
  remoteIds: readonly string[],
  unseen: readonly LedgerEntry[],
): Promise<void> {
  const owners = await userLinksByRemoteId(tx, attempt.context.store.id, remoteIds);
  const entries = new Map(unseen.map((entry) => [entry.remoteUserId, entry]));
  const subject = { kind: 'group', id: attempt.task.subject.id, display: link.remoteName } as const;
  for (const remoteId of remoteIds) {
    const { level = null, display = remoteId } = entries.get(remoteId) ?? {};
    const member = { personId: owners.get(remoteId)?.subject.id ?? null, remoteId, display, level };
    const revoke = { op: 'revoke', subject, remoteId: link.remoteId, member } as const;
    await recordFoundLoss(tx, attempt, revoke, LOSS_OF_MEMBER);
  }
}
