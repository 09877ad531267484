/**
 * What is recorded of SCIM groups on one store, one row for each: the link, under which settings all memberships of
 * the group were last planned, and whether anything was left undone then.
 */

import { fromBoolean } from '../columns.ts';
import { idList, idRows } from '../lists/values.ts';
import type { Db } from '../open.ts';
import { type LinkRecord, toLink } from './links.ts';

export interface KnownGroup {
  /** The link, even a `removed` one. */
  readonly link: LinkRecord | null;
  /** Another group has the wanted name. */
  readonly waitsForKeys: boolean;
  /** All members are known and were planned under these settings, and nothing was left undone. */
  readonly isWalked: boolean;
  /** The vendor refuses memberships of the linked remote group. */
  readonly someRefused: boolean;
}

/** By SCIM group; every one has an entry. */
export async function knownGroups(
  db: Db,
  { id: storeId, contextVersion }: { readonly id: string; readonly contextVersion: number },
  groupIds: readonly string[],
): Promise<ReadonlyMap<string, KnownGroup>> {
  if (groupIds.length === 0) return new Map();
  const waits = db('key_waits').where({ store_id: storeId, kind: 'group', subject_id: db.ref('asked.id') });
  const refused = db('refused_memberships').where({
    store_id: storeId,
    remote_group_id: db.ref('l.remote_id'),
  });
  const rows: readonly (KnownRow & Record<string, unknown>)[] = await db
    .from(idRows(db, idList(db, groupIds), 'asked'))
    .leftJoin('links as l', (on) => {
      on.on('l.subject_id', 'asked.id').andOnVal('l.store_id', storeId).andOnVal('l.kind', 'group');
    })
    .leftJoin('sync_statuses as s', (on) => {
      on.on('s.subject_id', 'asked.id').andOnVal('s.store_id', storeId).andOnVal('s.kind', 'group');
    })
    .select('l.*', { asked: 'asked.id', said: 's.status' })
    .select(db.raw('exists ? as waits_for_keys', [waits.select(db.raw('1'))]))
    .select(db.raw('exists ? as some_refused', [refused.select(db.raw('1'))]));
  return new Map(
    rows.map((row) => {
      const link = row.id === null ? null : toLink(row);
      const isWhole = link?.state === 'enabled' && link.membersReadAt !== null && link.missingSince === null;
      const isSettled =
        row.said === 'synced' && row.walked_version !== null && Number(row.walked_version) === contextVersion;
      const waitsForKeys = fromBoolean(row.waits_for_keys);
      const someRefused = fromBoolean(row.some_refused);
      return [row.asked, { link, waitsForKeys, someRefused, isWalked: isWhole && isSettled }];
    }),
  );
}

interface KnownRow {
  readonly id: string | null;
  readonly asked: string;
  readonly said: string | null;
  readonly walked_version: number | string | null;
  readonly waits_for_keys: boolean | number;
  readonly some_refused: boolean | number;
}

/** Records that all memberships were planned under these settings. */
export async function saveWalked(tx: Db, linkId: string, contextVersion: number): Promise<void> {
  await tx('links').where({ id: linkId }).update({ walked_version: contextVersion });
}
