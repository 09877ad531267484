/** Reads all members of one remote group into the ledger. It decides nothing about them. */

import type { CallContext } from '../../connectors/connector.ts';
import { PURGED } from '../../db/identity/users.ts';
import {
  countFreshMembers,
  forgetMembers,
  inheritedMembers,
  type LedgerEntry,
  markSeen,
  observeMembers,
  unseenMembers,
} from '../../db/seen/ledger.ts';
import { type LinkRecord, updateLink } from '../../db/seen/links.ts';
import type { RemoteError } from '../../model/errors.ts';
import type { Page, RemoteMember } from '../../model/remote.ts';
import { LIST_BEGINS } from '../../plan/listProgress.ts';
import type { StoreContext } from '../../stores/desired.ts';
import { newId } from '../../support/ids.ts';
import { believed } from '../doubtedList.ts';
import type { Work } from '../planning.ts';
import { withoutPurged } from '../purged.ts';

/** Records members that the ledger does not know as foreign. Answers the id of this read. */
export async function observeGroup(
  work: Work,
  group: { readonly remoteId: string; readonly remoteName: string },
  callContext: CallContext,
): Promise<string> {
  const { store, connector } = work.context;
  const scanId = newId();
  let cursor: string | null = null;
  let progress = LIST_BEGINS;
  do {
    const page: Page<RemoteMember> = await connector.members(group.remoteId, cursor, callContext);
    const { items, nextCursor } = page;
    const fresh = await work.record(async (tx) => {
      const unseen = await countFreshMembers(tx, store.id, group.remoteId, items, scanId);
      const known = await withoutPurged(tx, store.id, items, (item) => ({ ...item, display: PURGED }));
      await observeMembers(tx, store.id, group.remoteId, known, scanId, work.now());
      return unseen;
    });
    progress = believed(store, `the members of ${group.remoteName}`, progress, page, cursor, fresh);
    cursor = nextCursor;
    if (cursor !== null) await work.giveWay();
  } while (cursor !== null);
  await confirmInherited(work, group.remoteId, scanId, callContext);
  return scanId;
}

/**
 * Confirms members that the group has through a group above it. Its own list does not show them, so the bridge asks
 * for each.
 */
async function confirmInherited(
  work: Work,
  remoteId: string,
  scanId: string,
  callContext: CallContext,
): Promise<void> {
  const { store, connector } = work.context;
  if (!connector.hasLevel) return;
  const standing: string[] = [];
  for (const { remoteUserId, level } of await inheritedMembers(work.db, store.id, remoteId))
    if (await connector.hasLevel(remoteId, remoteUserId, level, callContext)) standing.push(remoteUserId);
  if (standing.length > 0) await work.record((tx) => markSeen(tx, store.id, remoteId, standing, scanId));
}

/** Entries of the ledger that this read did not see. */
export function unseenBy(work: Work, remoteId: string, scanId: string): Promise<readonly LedgerEntry[]> {
  return unseenMembers(work.db, work.context.store.id, remoteId, scanId);
}

/**
 * Reads the members of a linked group. Answers the entries of the ledger that the vendor did not show. After the last
 * page, foreign ones leave the ledger; with `forget`, all of them.
 */
export async function readMembers(
  work: Work,
  link: LinkRecord,
  callContext: CallContext,
  forget: boolean,
): Promise<readonly LedgerEntry[]> {
  const { store } = work.context;
  const scanId = await observeGroup(work, link, callContext);
  return work.record(async (tx) => {
    const unseen = await unseenMembers(tx, store.id, link.remoteId, scanId);
    const gone = unseen
      .filter((entry) => forget || entry.origin === 'foreign')
      .map((entry) => entry.remoteUserId);
    await forgetMembers(tx, store.id, link.remoteId, gone);
    await updateLink(tx, link.id, { membersReadAt: work.now() }, work.now());
    return unseen;
  });
}

/** In words for the status and a preview. */
export function whyUnread(
  { store }: Pick<StoreContext, 'store'>,
  group: string,
  { message }: RemoteError,
): string {
  return `the members of ${group} could not be read on ${store.name}, and nothing is done with them: ${message}. Make sure that the credential may see them, then sync`;
}
