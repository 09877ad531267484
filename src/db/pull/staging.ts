/**
 * What a scan has shown so far. It stays apart from the directory until the scan has ended, and is dropped after its
 * run.
 */

import type { Kind } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import { fromJson, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export interface Staged<R> {
  readonly sourceId: string;
  readonly record: R;
}

export interface StagedMember {
  /** `end`: all members of the group were read. */
  readonly kind: 'user' | 'group' | 'everyone' | 'end';
  readonly id: string;
}

/** `line`: a line that a comparison found, staged under the record's id at the source. */
export type StagedKind = Kind | 'line';

/** Of two records with one id, the later one stays. */
export async function stage(
  db: Db,
  runId: string,
  kind: StagedKind,
  records: readonly { readonly id: string }[],
) {
  const byId = new Map(records.map((record) => [record.id, record]));
  for (const some of chunks([...byId.values()])) {
    await db('pull_staged')
      .insert(some.map((record) => ({ run_id: runId, kind, source_id: record.id, record: toJson(record) })))
      .onConflict(['run_id', 'kind', 'source_id'])
      .merge(['record']);
  }
}

export async function stageMembers(
  db: Db,
  runId: string,
  groupId: string,
  members: readonly StagedMember[],
): Promise<void> {
  for (const some of chunks(members)) {
    await db('pull_staged_members')
      .insert(some.map(({ kind, id }) => ({ run_id: runId, group_id: groupId, kind, member_id: id })))
      .onConflict(['run_id', 'group_id', 'kind', 'member_id'])
      .ignore();
  }
}

/** In the order of their ids, after `after`. */
export async function stagedPage<R>(
  db: Db,
  runId: string,
  kind: Kind,
  after: string,
  limit: number,
): Promise<readonly Staged<R>[]> {
  const rows = await db('pull_staged')
    .where({ run_id: runId, kind })
    .where('source_id', '>', after)
    .orderBy('source_id')
    .limit(limit);
  return rows.map((row: { source_id: string; record: unknown }) => ({
    sourceId: row.source_id,
    record: fromJson<R>(row.record),
  }));
}

export async function unstage(
  db: Db,
  runId: string,
  kind: Kind,
  sourceIds: readonly string[],
): Promise<void> {
  for (const some of chunks(sourceIds))
    await db('pull_staged').where({ run_id: runId, kind }).whereIn('source_id', some).delete();
}

export async function stagedOne<R>(db: Db, runId: string, kind: Kind, sourceId: string): Promise<R | null> {
  const row = await db('pull_staged').where({ run_id: runId, kind, source_id: sourceId }).first('record');
  return row ? fromJson<R>(row.record) : null;
}

/** The staged records with these ids, by id. */
export async function stagedAmong<R>(
  db: Db,
  runId: string,
  kind: StagedKind,
  sourceIds: readonly string[],
): Promise<ReadonlyMap<string, R>> {
  const found = new Map<string, R>();
  for (const some of chunks(sourceIds)) {
    const rows = await db('pull_staged').where({ run_id: runId, kind }).whereIn('source_id', some);
    for (const row of rows) found.set(row.source_id, fromJson<R>(row.record));
  }
  return found;
}

/** The direct members of the group. */
export async function stagedMembers(
  db: Db,
  runId: string,
  groupId: string,
): Promise<readonly StagedMember[]> {
  const rows = await db('pull_staged_members').where({ run_id: runId, group_id: groupId });
  return rows.map((row: { kind: StagedMember['kind']; member_id: string }) => ({
    kind: row.kind,
    id: row.member_id,
  }));
}

const TABLES = {
  pull_staged: ['run_id', 'kind', 'source_id'],
  pull_staged_members: ['run_id', 'group_id', 'kind', 'member_id'],
} as const;
const DROPPED_AT_ONCE = 2_000;

/** The connection's finished runs that still have staged records. */
export async function runsLeftStaged(db: Db, connectionId: string): Promise<readonly string[]> {
  return db('pull_runs as r')
    .where({ connection_id: connectionId })
    .whereIn('state', ['DONE', 'PARTIAL', 'FAILED'])
    .where((any) => {
      for (const table of Object.keys(TABLES))
        any.orWhereExists(db(table).where('run_id', db.ref('r.id')).select(db.raw('1')));
    })
    .pluck('id');
}

/** Drops a page of what these runs staged. */
export async function dropSomeStaged(db: Db, runIds: readonly string[]) {
  for (const [table, key] of Object.entries(TABLES)) {
    const some = db(table)
      .whereIn('run_id', runIds)
      .limit(DROPPED_AT_ONCE)
      .select(...key);
    if (
      (await db(table)
        .whereIn([...key], some)
        .delete()) > 0
    )
      return { isLast: false };
  }
  return { isLast: true };
}
