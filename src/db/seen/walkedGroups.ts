/** By which settings all memberships of a group were last planned, and whether anything was left undone then. */

import type { Db } from '../open.ts';

/** True where nothing of the group is left undone, all its members are known, and it was walked by these settings. */
export async function isWalked(
  db: Db,
  storeId: string,
  groupId: string,
  contextVersion: number,
): Promise<boolean> {
  const row = await db('links as l')
    .join('sync_statuses as s', (on) => {
      on.on('s.store_id', 'l.store_id').on('s.kind', 'l.kind').on('s.subject_id', 'l.subject_id');
    })
    .where({ 'l.store_id': storeId, 'l.kind': 'group', 'l.subject_id': groupId, 'l.state': 'enabled' })
    .where({ 'l.walked_version': contextVersion, 's.status': 'synced' })
    .whereNotNull('l.members_read_at')
    .whereNull('l.missing_since')
    .first('l.id');
  return row !== undefined;
}

/** All memberships were planned by these settings. */
export async function saveWalked(tx: Db, linkId: string, contextVersion: number): Promise<void> {
  await tx('links').where({ id: linkId }).update({ walked_version: contextVersion });
}
