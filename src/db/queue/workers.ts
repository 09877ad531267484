/** When a worker was last seen, in any process, so that a request that needs one does not wait in vain. */

import { isoTime } from '../../support/clock.ts';
import type { Db } from '../open.ts';

const FORGOTTEN_AFTER_MS = 24 * 60 * 60_000;

export async function saveWorkerSeen(db: Db, id: string, nowMs: number): Promise<void> {
  const row = { id, seen_at: isoTime(nowMs) };
  await db('workers').insert(row).onConflict('id').merge();
}

/** Deletes workers that have long been gone. */
export async function deleteOldWorkers(db: Db, nowMs: number): Promise<void> {
  await db('workers')
    .where('seen_at', '<', isoTime(nowMs - FORGOTTEN_AFTER_MS))
    .delete();
}

/** When any worker was last seen, an ISO time; null where none ever was. */
export async function lastWorkerSeen(db: Db): Promise<string | null> {
  const row = await db('workers').max({ at: 'seen_at' }).first();
  return (row?.at as string | null | undefined) ?? null;
}
