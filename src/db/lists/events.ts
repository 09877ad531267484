/**
 * The audit log, read newest first. A page costs as much as it shows: each filter has an index in the page's order,
 * and where one filter means several values, each is read on its own.
 */

import type { Knex } from 'knex';
import { EVENT_KINDS, type EventOutcome } from '../../model/eventKinds.ts';
import { type EventRecord, toEvent } from '../events.ts';
import { type Db, dialectOf } from '../open.ts';
import { COUNT_MAX } from '../paging.ts';
import type { SqlCondition } from './resources.ts';

export interface EventFilter {
  readonly environmentId: string;
  /** The id of a group, a person, or a SCIM user of a person. */
  readonly subjectId?: string | undefined;
  readonly storeId?: string | undefined;
  /** Events of this connection's requests. */
  readonly connectionId?: string | undefined;
  /** One kind, or all kinds with the beginning before `*`: `change.*`. */
  readonly kind?: string | undefined;
  readonly outcome?: string | undefined;
  /** The first cause or any further one. */
  readonly correlationId?: string | undefined;
  /** ISO times; `from` is inclusive, `to` is not. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Newest first; at most `limit`, older than the event `beforeId`. */
export async function listEvents(
  db: Db,
  filter: EventFilter,
  limit: number,
  beforeId: number | null,
): Promise<readonly EventRecord[]> {
  const { ranges, tests } = await lookUp(db, filter);
  const newest = ranges.map((range) => {
    const part = range.query.clone().select('events.*').orderBy(range.id, 'desc').limit(limit);
    for (const { sql, bindings } of tests) part.whereRaw(sql, bindings as never);
    return beforeId === null ? part : part.where(range.id, '<', beforeId);
  });
  const rows: Record<string, unknown>[] = await together(db, newest)
    .select('*')
    .orderBy('id', 'desc')
    .limit(limit);
  return withFurtherCauses(db, rows);
}

/** Rows of `events`, each with its further causes. */
async function withFurtherCauses(
  db: Db,
  rows: readonly Record<string, unknown>[],
): Promise<readonly EventRecord[]> {
  const others = await otherCorrelations(
    db,
    rows.map((row) => row.id),
  );
  return rows.map((row) => toEvent(row, others.get(String(row.id)) ?? []));
}

/**
 * The rows of `events` that pass the filter, oldest first, after this id: for a caller that found a few events by
 * other means than an index of this list.
 */
export async function eventsAmong(
  db: Db,
  filter: EventFilter,
  events: Knex.QueryBuilder,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly EventRecord[]> {
  const { environmentId, subjectId, correlationId } = filter;
  const query = db
    .from(events.as('events'))
    .where('events.environment_id', environmentId)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit);
  const subjects = subjectId === undefined ? [] : await subjectsOf(db, environmentId, subjectId);
  for (const { sql, bindings } of Object.values(testsOf(db, filter, subjects)))
    query.whereRaw(sql, bindings as never);
  if (correlationId !== undefined) {
    const further = db('event_correlations').where({ correlation_id: correlationId }).select('event_id');
    query.where((q) => q.where({ correlation_id: correlationId }).orWhereIn('id', further));
  }
  const rows: Record<string, unknown>[] = await query.select('*');
  return withFurtherCauses(db, rows);
}

/** The number of events; null where the index finds more than `COUNT_MAX`, too many to count quickly. */
export async function countEvents(db: Db, filter: EventFilter): Promise<number | null> {
  const { ranges, tests } = await lookUp(db, filter);
  const matches = tests.map(({ sql }) => `(${sql})`).join(' and ') || '1 = 1';
  const bindings = tests.flatMap((test) => test.bindings);
  const found = ranges.map((range) =>
    range.query
      .clone()
      .select(db.raw(`case when ${matches} then 1 else 0 end as matches`, bindings as never))
      .limit(COUNT_MAX + 1),
  );
  const row = await db
    .from(
      together(db, found)
        .select('*')
        .limit(COUNT_MAX + 1)
        .as('found'),
    )
    .count({ found: '*' })
    .sum({ matching: 'matches' })
    .first();
  return Number(row?.found) > COUNT_MAX ? null : Number(row?.matching ?? 0);
}

/** What an index finds, in the order of the event's id, which is the column `id`. */
interface Range {
  readonly query: Knex.QueryBuilder;
  readonly id: string;
}

interface LookUp {
  /** No event is in two ranges. */
  readonly ranges: readonly Range[];
  /** Further conditions on an event. */
  readonly tests: readonly SqlCondition[];
}

/** Uses the narrowest index. */
async function lookUp(db: Db, filter: EventFilter): Promise<LookUp> {
  const { environmentId, subjectId, correlationId } = filter;
  const of = (where: Readonly<Record<string, string>> = {}): Range => ({
    query: db('events').where({ environment_id: environmentId, ...where }),
    id: 'events.id',
  });
  const subjects = subjectId === undefined ? [] : await subjectsOf(db, environmentId, subjectId);
  const tests = new Map(Object.entries(testsOf(db, filter, subjects)));
  const by = (name: keyof EventFilter, ranges: readonly Range[]): LookUp => {
    tests.delete(name);
    return { ranges, tests: [...tests.values()] };
  };
  if (correlationId !== undefined) {
    const further = db('event_correlations as further')
      .join('events', 'events.id', 'further.event_id')
      .where('further.correlation_id', correlationId)
      .whereRaw(`${unindexed(db)}events.environment_id = ?`, [environmentId]);
    return by('correlationId', [
      of({ 'events.correlation_id': correlationId }),
      { query: further, id: 'further.event_id' },
    ]);
  }
  if (subjectId !== undefined) {
    return by(
      'subjectId',
      subjects.map((id) => of({ subject_id: id })),
    );
  }
  if (filter.outcome !== undefined && filter.outcome !== USUAL) {
    // The index holds only these rows, and SQLite uses it only if the query says the same.
    const { query, id } = of({ outcome: filter.outcome });
    return by('outcome', [{ query: query.whereRaw(`outcome <> '${USUAL}'`), id }]);
  }
  if (filter.kind !== undefined) {
    return by(
      'kind',
      kindsOf(filter.kind).map((kind) => of({ kind })),
    );
  }
  if (filter.connectionId !== undefined) {
    const { connectionId } = filter;
    return by('connectionId', [of({ actor_id: connectionId, actor_type: 'connection' })]);
  }
  if (filter.storeId !== undefined) return by('storeId', [of({ store_id: filter.storeId })]);
  return { ranges: [of()], tests: [...tests.values()] };
}

const USUAL: EventOutcome = 'success';

/** The conditions by the name of the filter. */
function testsOf(
  db: Db,
  filter: EventFilter,
  subjects: readonly string[],
): Partial<Record<keyof EventFilter, SqlCondition>> {
  const isOne = (column: string, values: readonly string[]): SqlCondition => ({
    sql: `${unindexed(db)}events.${column} in (${values.map(() => '?').join(', ')})`,
    bindings: values,
  });
  const { storeId, connectionId, kind, outcome, from, to } = filter;
  const ofConnections: SqlCondition = { sql: "events.actor_type = 'connection'", bindings: [] };
  return {
    ...(subjects.length > 0 && { subjectId: isOne('subject_id', subjects) }),
    ...(storeId !== undefined && { storeId: isOne('store_id', [storeId]) }),
    ...(connectionId !== undefined && {
      connectionId: both(isOne('actor_id', [connectionId]), ofConnections),
    }),
    ...(kind !== undefined && { kind: isOne('kind', kindsOf(kind)) }),
    ...(outcome !== undefined && { outcome: isOne('outcome', [outcome]) }),
    ...(from !== undefined && { from: { sql: 'events.at >= ?', bindings: [from] } }),
    ...(to !== undefined && { to: { sql: 'events.at < ?', bindings: [to] } }),
  };
}

/**
 * What to write before a column that is only tested. Without statistics, SQLite may prefer its index to the one
 * meant; a plus prevents that.
 */
function unindexed(db: Db): string {
  return dialectOf(db) === 'sqlite' ? '+' : '';
}

function both(one: SqlCondition, other: SqlCondition): SqlCondition {
  return { sql: `${one.sql} and ${other.sql}`, bindings: [...one.bindings, ...other.bindings] };
}

/** `change.*` means all kinds that begin so. The API lets through only those that mean at least one. */
function kindsOf(kind: string): readonly string[] {
  if (!kind.endsWith('.*')) return [kind];
  return Object.keys(EVENT_KINDS).filter((one) => one.startsWith(kind.slice(0, -1)));
}

/** The subject and, for a SCIM user, its person. */
async function subjectsOf(db: Db, environmentId: string, subjectId: string): Promise<readonly string[]> {
  const persons: string[] = await db('users')
    .where({ environment_id: environmentId, id: subjectId })
    .pluck('person_id');
  return [...new Set([subjectId, ...persons])];
}

function together(db: Db, parts: readonly Knex.QueryBuilder[]): Knex.QueryBuilder {
  // SQLite takes a limit in a part of a union only inside a query of its own.
  const [first, ...others] = parts.map((part) => db.from(part.as('part')).select('*'));
  if (!first) throw new Error('a filter of events has nothing to look at');
  return db.from((others.length > 0 ? first.unionAll(others) : first).as('together'));
}

/** Null where it does not exist any more. */
export async function getEvent(db: Db, id: string): Promise<EventRecord | null> {
  const row = await db('events').where({ id }).first();
  if (!row) return null;
  return toEvent(row, (await otherCorrelations(db, [row.id])).get(id) ?? []);
}

async function otherCorrelations(db: Db, eventIds: readonly unknown[]): Promise<Map<string, string[]>> {
  const byEvent = new Map<string, string[]>();
  if (eventIds.length === 0) return byEvent;
  const rows = await db('event_correlations')
    .whereIn('event_id', eventIds as string[])
    .orderBy('correlation_id');
  for (const row of rows) {
    const key = String(row.event_id);
    byEvent.set(key, [...(byEvent.get(key) ?? []), row.correlation_id]);
  }
  return byEvent;
}
