/**
 * What a source last said about each of its people, kept for deltas, for managers, and for dates that pass; and when
 * it changed each of its groups.
 */

import { createHash } from 'node:crypto';
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

/** Saves when the source last changed each of these groups, where that is later than what is stored. */
export async function keepGroupTimes(
  db: Db,
  connectionId: string,
  groups: readonly { readonly id: string; readonly changedAt?: string }[],
): Promise<void> {
  const times = new Map(
    groups.flatMap(({ id, changedAt = '' }) => (changedAt === '' ? [] : [[id, changedAt]])),
  );
  for (const some of chunks([...times.keys()])) {
    const known = () =>
      db('groups')
        .where({ connection_id: connectionId })
        .whereNull('deleted_at')
        .whereIn('external_id', some);
    const rows: { external_id: string; source_changed_at: string | null }[] = await known().select(
      'external_id',
      'source_changed_at',
    );
    const later = rows
      .map(({ external_id: id, source_changed_at: at }) => ({ id, at, to: times.get(id) ?? '' }))
      .filter(({ at, to }) => to > (at ?? ''));
    if (later.length === 0) continue;
    const cases = later.map(() => 'when ? then ?').join(' ');
    const bindings = later.flatMap(({ id, to }) => [id, to]);
    await known().update({
      source_changed_at: db.raw(`case external_id ${cases} else source_changed_at end`, bindings),
    });
  }
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

/** Whether such a date has passed since `since`. The source writes nothing then, so no delta shows it. */
export async function hasPassedDate(
  db: Db,
  connectionId: string,
  since: string,
  now: string,
): Promise<boolean> {
  const row = await db('source_records')
    .where({ connection_id: connectionId })
    .where('active_until', '>', since)
    .where('active_until', '<=', now)
    .first('source_id');
  return row !== undefined;
}
