/**
 * What a source last said about each of its people, kept for deltas, for managers, and for dates that pass; and when
 * it changed each of its groups, and where it showed them.
 */

import { createHash } from 'node:crypto';
import type { Kind } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import { fromJson, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export interface KeptRecord<R> {
  readonly sourceId: string;
  readonly record: R;
}

/** Saves the records that differ from the stored ones. */
export async function keepRecords(
  db: Db,
  connectionId: string,
  records: readonly { readonly id: string; readonly activeUntil?: string }[],
): Promise<void> {
  for (const some of chunks(records)) {
    const rows = await db('source_records')
      .where({ connection_id: connectionId })
      .whereIn(
        'source_id',
        some.map(({ id }) => id),
      )
      .select('source_id', 'digest');
    const known = new Map(
      rows.map((row: { source_id: string; digest: string }) => [row.source_id, row.digest]),
    );
    const fresh = some
      .map((record) => ({ record, json: toJson(record) }))
      .map(({ record, json }) => ({ record, json, digest: createHash('sha256').update(json).digest('hex') }))
      .filter(({ record, digest }) => known.get(record.id) !== digest);
    if (fresh.length === 0) continue;
    await db('source_records')
      .insert(
        fresh.map(({ record, json, digest }) => ({
          connection_id: connectionId,
          source_id: record.id,
          record: json,
          digest,
          active_until: record.activeUntil ?? null,
        })),
      )
      .onConflict(['connection_id', 'source_id'])
      .merge(['record', 'digest', 'active_until']);
  }
}

/** Saves where the source showed each of these groups, and when it last changed them where that is later. */
export async function keepGroupFacts(
  db: Db,
  connectionId: string,
  groups: readonly { readonly id: string; readonly changedAt?: string; readonly dn?: string }[],
): Promise<void> {
  const shown = new Map(groups.map((group) => [group.id, group]));
  for (const some of chunks([...shown.keys()])) {
    const known = () =>
      db('groups')
        .where({ connection_id: connectionId })
        .whereNull('deleted_at')
        .whereIn('external_id', some);
    const rows: { external_id: string; source_changed_at: string | null; source_dn: string | null }[] =
      await known().select('external_id', 'source_changed_at', 'source_dn');
    const fresh = rows
      .map((row) => ({ row, id: row.external_id, ...shown.get(row.external_id) }))
      .map(({ row, id, changedAt = '', dn = row.source_dn }) => ({
        ...{ row, id, dn },
        changedAt: changedAt > (row.source_changed_at ?? '') ? changedAt : row.source_changed_at,
      }))
      .filter(({ row, changedAt, dn }) => changedAt !== row.source_changed_at || dn !== row.source_dn);
    if (fresh.length === 0) continue;
    const cases = fresh.map(() => 'when ? then ?').join(' ');
    const byId = (column: string, of: 'changedAt' | 'dn') =>
      db.raw(
        `case external_id ${cases} else ${column} end`,
        fresh.flatMap((one) => [one.id, one[of]]),
      );
    await known().update({
      source_changed_at: byId('source_changed_at', 'changedAt'),
      source_dn: byId('source_dn', 'dn'),
    });
  }
}

/** Where the source last showed this person or group; undefined where it has no places. */
export async function lastPlace(
  db: Db,
  connectionId: string,
  kind: Kind,
  id: string,
): Promise<string | undefined> {
  if (kind === 'user') {
    const records = await recordsAmong<{ attributes: Record<string, unknown> }>(db, connectionId, [id]);
    const { dn, orgUnitPath } = records.get(id)?.attributes ?? {};
    return [dn, orgUnitPath].find((one) => typeof one === 'string');
  }
  const group = { connection_id: connectionId, external_id: id };
  const row = await db('groups').where(group).whereNull('deleted_at').first('source_dn');
  return row?.source_dn ?? undefined;
}

/** In the order of their ids, after `after`. */
export async function recordsPage<R>(
  db: Db,
  connectionId: string,
  after: string,
  limit: number,
): Promise<readonly KeptRecord<R>[]> {
  const rows = await db('source_records')
    .where({ connection_id: connectionId })
    .where('source_id', '>', after)
    .orderBy('source_id')
    .limit(limit);
  return rows.map((row: { source_id: string; record: unknown }) => ({
    sourceId: row.source_id,
    record: fromJson<R>(row.record),
  }));
}

export async function recordsAmong<R>(
  db: Db,
  connectionId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, R>> {
  const found = new Map<string, R>();
  for (const some of chunks(ids)) {
    const rows = await db('source_records').where({ connection_id: connectionId }).whereIn('source_id', some);
    for (const row of rows) found.set(row.source_id as string, fromJson<R>(row.record));
  }
  return found;
}

export async function forgetRecords(db: Db, connectionId: string, ids: readonly string[]): Promise<void> {
  for (const some of chunks(ids)) {
    await db('source_records').where({ connection_id: connectionId }).whereIn('source_id', some).delete();
  }
}

/** The next date after which somebody is inactive; null where there is none. */
export async function nextActiveUntil(db: Db, connectionId: string, after: string): Promise<string | null> {
  const row = await db('source_records')
    .where({ connection_id: connectionId })
    .where('active_until', '>', after)
    .min({ at: 'active_until' })
    .first();
  return (row?.at ?? null) as string | null;
}

/**
 * Whether such a date has passed since the last run that ended well was decided upon. The source writes nothing then, so
 * no delta shows it; and a run that is under way when it passes may have compared before.
 */
export async function hasPassedDate(db: Db, connectionId: string, now: string): Promise<boolean> {
  const last = await db('pull_runs')
    .where({ connection_id: connectionId })
    .whereIn('state', ['DONE', 'PARTIAL'])
    .whereNot({ mode: 'preview' })
    .max({ at: 'created_at' })
    .first();
  const row = await db('source_records')
    .where({ connection_id: connectionId })
    .where('active_until', '>', (last?.at as string | null) ?? '')
    .where('active_until', '<=', now)
    .first('source_id');
  return row !== undefined;
}
