/** Reads a store page by page into the observations. An incomplete scan never says that something is gone. */

import type { CallContext } from '../connectors/connector.ts';
import { namelessAccount } from '../db/identity/retention.ts';
import { forgetUnseen, observe } from '../db/seen/observations.ts';
import { recordScan } from '../db/stores/storeProgress.ts';
import type { Kind } from '../model/subject.ts';
import type { Work } from '../settle/planning.ts';
import { withoutPurged } from '../settle/purged.ts';

export interface ScannedPage {
  readonly count: number;
  /** Null after the last page. */
  readonly nextCursor: string | null;
}

export async function scanPage(
  work: Work,
  kind: Kind,
  cursor: string | null,
  callContext: CallContext,
): Promise<ScannedPage> {
  const { store, connector } = work.context;
  // Before the question, so that what the bridge writes meanwhile is newer than what the answer shows.
  const asked = work.now();
  const { items, nextCursor } = await connector.scan(kind, cursor, callContext);
  await work.record(async (tx) => {
    const known = await withoutPurged(tx, store.id, items, (item) =>
      item.kind === 'user' ? namelessAccount(item) : item,
    );
    await observe(tx, store.id, known, asked);
  });
  return { count: items.length, nextCursor };
}

/** After the last page of both kinds, with the ISO time before the first: what was not seen is not there. */
export async function closeScan(work: Work, began: string): Promise<void> {
  const { store } = work.context;
  await work.record(async (tx) => {
    await forgetUnseen(tx, store.id, 'user', began);
    await forgetUnseen(tx, store.id, 'group', began);
    await recordScan(tx, store.id, work.now());
  });
}
