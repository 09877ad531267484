/**
 * Memberships that an earlier attempt may have granted or revoked, without an answer: once the members were
 * read, what it granted is the bridge's, and what it did belongs in the audit log.
 */

import type { Db } from '../../db/open.ts';
import { type LedgerEntry, ledgerEntries, recordMembers } from '../../db/seen/ledger.ts';
import { type LinkRecord, userLinksByRemoteId } from '../../db/seen/links.ts';
import type { Attempt } from '../attempt.ts';
import { LOSS_OF_MEMBER, recordFoundLoss } from '../gate/taken.ts';

const NAMED_MAX = 50;

/**
 * `unseen`: what left the ledger by this read. Of a revoke, whoever is not there any more counts as found: the
 * ledger may have let go of them before, with a disabled account or after a scan.
 */
export async function recoverMembers(
  attempt: Attempt,
  link: LinkRecord,
  unseen: readonly LedgerEntry[],
): Promise<void> {
  const { ops = [], members = [], again = false } = attempt.intent ?? {};
  const [op] = ops;
  if (members.length === 0 || (op !== 'grant' && op !== 'revoke')) return;
  const { store } = attempt.context;
  const there = await ledgerEntries(attempt.db, store.id, link.remoteId, members);
  const granted = [...there.values()].filter((entry) => entry.origin === 'foreign');
  const gone = members.filter((remoteId) => !there.has(remoteId));
  const justGone = new Set(unseen.map((entry) => entry.remoteUserId));
  const revoked = again ? gone.filter((remoteId) => justGone.has(remoteId)) : gone;
  const found = op === 'grant' ? granted.map((entry) => entry.remoteUserId) : revoked;
  const names = new Map([...there.values(), ...unseen].map((entry) => [entry.remoteUserId, entry.display]));
  await attempt.record(async (tx) => {
    await attempt.forgetIntent(tx);
    if (found.length === 0) return;
    const mine = granted.map((entry) => ({ ...entry, origin: 'added' as const }));
    if (op === 'grant') await recordMembers(tx, store.id, link.remoteId, mine, attempt.now());
    else await recordRevoked(tx, attempt, link, found, unseen);
    await attempt.foundEvent(tx, op, link.remoteName, {
      remoteGroupId: link.remoteId,
      count: found.length,
      members: found
        .slice(0, NAMED_MAX)
        .map((remoteId) => ({ remoteId, display: names.get(remoteId) ?? remoteId })),
    });
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
