/**
 * The rows that hold personal data, and how it leaves them: every row stays, as a trace that can be counted,
 * and nothing that decides about an account is touched.
 */

import { lower, toJson } from './columns.ts';
import { type Db, dialectOf } from './open.ts';
import { PURGED, toUser, type UserRecord } from './users.ts';

export interface RetainingConnection {
  readonly id: string;
  readonly environmentId: string;
  readonly retentionDays: number;
}

export async function retainingConnections(db: Db): Promise<readonly RetainingConnection[]> {
  const rows = await db('connections').whereNotNull('retention_days').orderBy('id');
  return rows.map((row: Record<string, unknown>) => ({
    id: row.id as string,
    environmentId: row.environment_id as string,
    retentionDays: Number(row.retention_days),
  }));
}

/**
 * Users deleted, or deactivated and still so, no later than the ISO times given, who were not purged yet. A
 * deactivated one whose account can still be used waits: only the data says why that is so.
 */
export async function usersToPurge(
  db: Db,
  connectionId: string,
  cutoff: { readonly deleted: string; readonly deactivated: string },
  limit: number,
): Promise<readonly UserRecord[]> {
  const mine = () => db('users').where({ connection_id: connectionId }).whereNull('purged_at');
  const deleted = await mine().where('deleted_at', '<=', cutoff.deleted).orderBy('deleted_at').limit(limit);
  if (deleted.length > 0) return deleted.map(toUser);
  const deactivated = await mine()
    .whereNull('deleted_at')
    .where({ active: false })
    .where('deactivated_at', '<=', cutoff.deactivated)
    .whereNotExists(
      db('links')
        .where('links.kind', 'user')
        .where('links.subject_id', db.ref('users.person_id'))
        .whereIn('links.state', ['enabled', 'invited'])
        .select(db.raw('1')),
    )
    .orderBy('deactivated_at')
    .limit(limit);
  return deactivated.map(toUser);
}

/** True where a row of the person still holds personal data, a tombstone included. */
export async function hasUnpurgedUsers(db: Db, personId: string): Promise<boolean> {
  return (await db('users').where({ person_id: personId }).whereNull('purged_at').first('id')) !== undefined;
}

/** What accounts of the person are called on stores. */
export async function remoteNamesOf(db: Db, personId: string): Promise<readonly string[]> {
  const rows = await db('links').where({ kind: 'user', subject_id: personId }).select('remote_name');
  return rows.map((row: { remote_name: string }) => row.remote_name);
}

/**
 * Empties the links of purged people whose account is gone, also where it went long after the purge: while
 * there is an account, its link says whose it is and what protects it.
 */
export async function purgeRemovedLinks(db: Db): Promise<void> {
  const usersOfLink = () =>
    db('users').where('users.person_id', db.ref('links.subject_id')).select(db.raw('1'));
  await db('links')
    .where({ kind: 'user', state: 'removed' })
    .whereNot({ remote_name: PURGED })
    .whereExists(usersOfLink().whereNotNull('users.purged_at'))
    .whereNotExists(usersOfLink().whereNull('users.purged_at'))
    .update({ remote_name: PURGED, applied: '{}', observed: '{}', drift: null, drift_since: null });
}

/** Everything of the person but links. Answers how many events lost their content. */
export async function purgePerson(
  tx: Db,
  environmentId: string,
  personId: string,
  redact: (value: unknown) => unknown,
): Promise<number> {
  const subject = { kind: 'user', subject_id: personId };
  await tx('tasks').where(subject).update({ error: null });
  const statuses = await tx('sync_statuses').where(subject).select('store_id', 'reason');
  for (const { store_id, reason } of statuses) {
    await tx('sync_statuses')
      .where({ ...subject, store_id })
      .update({ reason: redact(reason), vendor: null });
  }
  const held = await tx('held').where({ person_key: personId }).select('id', 'change', 'reason');
  for (const row of held) {
    await tx('held')
      .where({ id: row.id })
      .update({ change: toJson(redact(parsed(row.change))), reason: redact(row.reason) });
  }
  return tx('events')
    .where({ environment_id: environmentId, subject_id: personId })
    .update({ subject_display: null, request: null, calls: null, before: null, after: null, reason: null });
}

const EVENT_COLUMNS = ['subject_display', 'request', 'calls', 'before', 'after', 'reason'] as const;

export interface EventSpan {
  readonly environmentId: string;
  /** The last event of the span before; 0 to start. */
  readonly after: number;
  readonly size: number;
}

/** Redacts what names somebody in one span of events. Answers its last id; null after the last span. */
export async function redactEvents(
  tx: Db,
  span: EventSpan,
  needles: readonly string[],
  redact: (value: unknown) => unknown,
): Promise<number | null> {
  const mine = () => tx('events').where({ environment_id: span.environmentId }).where('id', '>', span.after);
  const end = await mine()
    .orderBy('id')
    .offset(span.size - 1)
    .first('id');
  const query = mine().select('id', ...EVENT_COLUMNS);
  if (end) query.where('id', '<=', end.id);
  await redactRows(tx, 'events', query, EVENT_COLUMNS, needles, redact);
  return end ? Number(end.id) : null;
}

/** The same for what syncs have listed. */
export async function redactSyncRuns(
  tx: Db,
  environmentId: string,
  needles: readonly string[],
  redact: (value: unknown) => unknown,
): Promise<void> {
  const columns = ['drift', 'refused'] as const;
  const query = tx('sync_runs')
    .where({ environment_id: environmentId })
    .select('id', ...columns);
  await redactRows(tx, 'sync_runs', query, columns, needles, redact);
}

const TEXT_COLUMNS = new Set(['subject_display', 'reason']);

async function redactRows(
  tx: Db,
  table: string,
  query: ReturnType<Db>,
  columns: readonly string[],
  needles: readonly string[],
  redact: (value: unknown) => unknown,
): Promise<void> {
  const find = dialectOf(tx) === 'sqlite' ? 'instr' : 'strpos';
  const texts = columns.map(() => "coalesce(cast(?? as text), '')").join(" || ' ' || ");
  query.where((any) => {
    for (const needle of needles)
      any.orWhereRaw(`${find}(lower(${texts}), ?) > 0`, [...columns, lower(needle)]);
  });
  for (const row of (await query) as Record<string, unknown>[]) {
    const redacted = columns
      .filter((column) => row[column] !== null)
      .map((column) => {
        const value = row[column];
        return [column, TEXT_COLUMNS.has(column) ? redact(value) : toJson(redact(parsed(value)))];
      });
    await tx(table).where({ id: row.id }).update(Object.fromEntries(redacted));
  }
}

function parsed(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}

/** Causes of before that no task remembers. */
export async function deleteOldCauses(db: Db, before: string): Promise<void> {
  await db('causes')
    .where('created_at', '<', before)
    .whereNotExists(
      db('task_causes')
        .where('task_causes.correlation_id', db.ref('causes.correlation_id'))
        .select(db.raw('1')),
    )
    .delete();
}
