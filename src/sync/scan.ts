/** Reads a store page by page into the observations. An incomplete scan never means that something is gone. */

import type { CallContext } from '../connectors/connector.ts';
import { namelessAccount } from '../db/identity/retention.ts';
import { showKeys } from '../db/seen/keys.ts';
import { countEnabledPeople } from '../db/seen/linkLists.ts';
import { countFresh, forgetUnseen, hasAccounts, observe } from '../db/seen/observations.ts';
import { recordScan } from '../db/stores/storeProgress.ts';
import type { ListProgress } from '../model/remote.ts';
import type { Kind } from '../model/subject.ts';
import { LIST_BEGINS } from '../plan/listProgress.ts';
import { believed, emptyList } from '../settle/doubtedList.ts';
import { keysShown } from '../settle/keys/holders.ts';
import { rememberShown } from '../settle/people/protection.ts';
import type { Work } from '../settle/planning.ts';
import { withoutPurged } from '../settle/purged.ts';

/** Where a scan stands before a page. */
export interface ScanPosition {
  /** The id of the sync run or preview. */
  readonly scanId: string;
  readonly cursor: string | null;
  /** Absent before the first page. */
  readonly list?: ListProgress | undefined;
}

export interface ScannedPage {
  readonly count: number;
  /** Null after the last page. */
  readonly nextCursor: string | null;
  readonly list: ListProgress;
}

const LISTED: Readonly<Record<Kind, string>> = { user: 'users', group: 'groups' };

/** @throws RemoteError where the list cannot be believed. */
export async function scanPage(
  work: Work,
  kind: Kind,
  { scanId, cursor, list = LIST_BEGINS }: ScanPosition,
  callContext: CallContext,
): Promise<ScannedPage> {
  const { store, connector } = work.context;
  // Taken before the call, so that whatever the bridge writes meanwhile counts as newer than the answer.
  const asked = work.now();
  const page = await connector.scan(kind, cursor, callContext);
  const { items, machines = [], nextCursor } = page;
  const ids = items.map(({ remoteId }) => remoteId);
  const fresh = await work.record(async (tx) => {
    const unseen = await countFresh(tx, store.id, kind, ids, scanId);
    const known = await withoutPurged(tx, store.id, items, (item) =>
      item.kind === 'user' ? namelessAccount(item) : item,
    );
    await observe(tx, store.id, [...known, ...machines], asked, scanId);
    await rememberShown(tx, work.context, items, asked);
    await showKeys(tx, store.id, kind, keysShown(work.context, [...items, ...machines]), asked);
    return unseen;
  });
  const progress = believed(store, LISTED[kind], list, page, cursor, fresh);
  if (kind === 'user' && nextCursor === null && progress.rows === 0) {
    const people = await countEnabledPeople(work.db, store.id);
    if (people > 0) throw emptyList(store, people);
  }
  return { count: items.length, nextCursor, list: progress };
}

/**
 * Runs after the last page of both kinds. What no page has shown since `began`, an ISO time before the first page,
 * does not exist. Where the scan did not even show the credential's own account, the bridge asks before each
 * creation.
 */
export async function closeScan(work: Work, scanId: string, began: string): Promise<void> {
  const { store } = work.context;
  await work.record(async (tx) => {
    await forgetUnseen(tx, store.id, 'user', scanId, began);
    await forgetUnseen(tx, store.id, 'group', scanId, began);
    await recordScan(tx, store.id, (await hasAccounts(tx, store.id)) ? work.now() : null);
  });
}
