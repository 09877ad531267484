/**
 * The audit log: each event is appended in the transaction of what it reports, and never changed. The oldest events
 * are deleted after EVENT_RETENTION_DAYS. `lists/events.ts` reads it.
 */

import type { Cause } from '../model/cause.ts';
import type { EventKind, EventOutcome } from '../model/eventKinds.ts';
import type { Subject } from '../model/subject.ts';
import { fromJsonOrNull, toJson } from './columns.ts';
import { displaysOf } from './identity/subjects.ts';
import { kept } from './knex/kept.ts';
import { type Insert, insertingAll, type Write } from './knex/writing.ts';
import { type Db, dialectOf } from './open.ts';

export interface EventCall {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
}

export interface NewEvent {
  readonly environmentId: string;
  readonly cause: Cause;
  /** Further correlation ids, where several writes folded into one task. */
  readonly alsoCausedBy?: readonly string[];
  readonly kind: EventKind;
  readonly subject?: Subject & { readonly display?: string };
  readonly store?: { readonly id: string; readonly name: string };
  readonly outcome: EventOutcome;
  /** The caller has redacted it: no password, token or secret may be in it. */
  readonly request?: unknown;
  readonly calls?: readonly EventCall[];
  readonly before?: unknown;
  readonly after?: unknown;
  readonly reason?: string;
}

/** `at` is an ISO time. Returns the event's id. */
export async function appendEvent(db: Db, at: string, event: NewEvent): Promise<string> {
  const [row] = await insertEvent(db, eventRow(at, await named(db, event)));
  const eventId = String(row.id);
  const others = [...new Set(event.alsoCausedBy)].filter((id) => id !== event.cause.correlationId);
  if (others.length > 0) {
    await db('event_correlations').insert(others.map((id) => ({ event_id: eventId, correlation_id: id })));
  }
  return eventId;
}

const insertEvent = kept<readonly [{ readonly id: number | string }], EventRow>((db, row) =>
  db('events').insert(row).returning('id'),
);

/** Adds the subject's name, which events, alerts and pages show. */
async function named(db: Db, event: NewEvent): Promise<NewEvent> {
  const { subject } = event;
  if (subject === undefined || subject.display !== undefined) return event;
  const display = (await displaysOf(db, [subject]))(subject);
  return display === subject.id ? event : { ...event, subject: { ...subject, display } };
}

/** The same for an event with one cause, to be written together with what it reports. */
export function eventInsert(at: string, event: Omit<NewEvent, 'alsoCausedBy'>): Insert {
  return { table: 'events', rows: [eventRow(at, event)] };
}

/** The same, with the subject's name. */
export async function namedInsert(
  db: Db,
  at: string,
  event: Omit<NewEvent, 'alsoCausedBy'>,
): Promise<Insert> {
  return eventInsert(at, await named(db, event));
}

/** All of these in one statement. */
export function savingEvents(events: readonly Insert[]): Write {
  return insertingAll({ table: 'events', rows: events.flatMap(({ rows }) => rows) });
}

const EVENTS_PER_INSERT_MAX = 50;

/** Appends many events with one cause each. */
export async function appendEvents(
  db: Db,
  at: string,
  events: readonly Omit<NewEvent, 'alsoCausedBy'>[],
): Promise<void> {
  for (let from = 0; from < events.length; from += EVENTS_PER_INSERT_MAX) {
    const some = events.slice(from, from + EVENTS_PER_INSERT_MAX);
    await db('events').insert(some.map((event) => eventRow(at, event)));
  }
}

/**
 * Deletes the oldest events from before `before`, an ISO time, with their further causes. Answers how many: fewer
 * than `limit` where no more are left, or another replica deletes them just now.
 */
export async function deleteOldEvents(db: Db, before: string, limit: number): Promise<number> {
  const oldest = db('events').where('at', '<', before).orderBy('at').limit(limit).select('id');
  if (dialectOf(db) === 'postgres') oldest.forUpdate().skipLocked();
  return db('events').whereIn('id', oldest).delete();
}

function eventRow(at: string, event: NewEvent) {
  return {
    environment_id: event.environmentId,
    at,
    correlation_id: event.cause.correlationId,
    kind: event.kind,
    actor_type: event.cause.actor.type,
    actor_id: event.cause.actor.id,
    actor_name: event.cause.actor.name,
    subject_kind: event.subject?.kind ?? null,
    subject_id: event.subject?.id ?? null,
    subject_display: event.subject?.display ?? null,
    store_id: event.store?.id ?? null,
    store_name: event.store?.name ?? null,
    outcome: event.outcome,
    request: jsonOrNull(event.request),
    calls: jsonOrNull(event.calls),
    before: jsonOrNull(event.before),
    after: jsonOrNull(event.after),
    reason: event.reason ?? null,
  };
}

type EventRow = ReturnType<typeof eventRow>;

function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : toJson(value);
}

export interface EventRecord {
  readonly id: string;
  readonly at: string;
  readonly correlationId: string;
  /** Every correlation id of the event, including the first one. */
  readonly correlationIds: readonly string[];
  readonly kind: string;
  readonly actor: Cause['actor'];
  readonly subject: { readonly kind: string; readonly id: string; readonly display: string | null } | null;
  readonly store: { readonly id: string; readonly name: string } | null;
  readonly outcome: string;
  readonly request: unknown;
  readonly calls: readonly EventCall[] | null;
  readonly before: unknown;
  readonly after: unknown;
  readonly reason: string | null;
}

/** The first event of each correlation id, as far as the audit log reaches back. */
export async function firstEvents(
  db: Db,
  correlationIds: readonly string[],
): Promise<ReadonlyMap<string, EventRecord>> {
  if (correlationIds.length === 0) return new Map();
  const first = db('events').whereIn('correlation_id', correlationIds).groupBy('correlation_id').min('id');
  const rows = await db('events').whereIn('id', first);
  return new Map(rows.map((row) => [row.correlation_id, toEvent(row, [])]));
}

export function toEvent(row: Record<string, unknown>, others: readonly string[]): EventRecord {
  const correlationId = row.correlation_id as string;
  return {
    id: String(row.id),
    at: row.at as string,
    correlationId,
    correlationIds: [correlationId, ...others],
    kind: row.kind as string,
    actor: {
      type: row.actor_type as Cause['actor']['type'],
      id: row.actor_id as string | null,
      name: (row.actor_name as string | null) ?? '',
    },
    subject:
      row.subject_id === null
        ? null
        : {
            kind: row.subject_kind as string,
            id: row.subject_id as string,
            display: row.subject_display as string | null,
          },
    store: row.store_id === null ? null : { id: row.store_id as string, name: row.store_name as string },
    outcome: row.outcome as string,
    request: fromJsonOrNull(row.request),
    calls: fromJsonOrNull(row.calls),
    before: fromJsonOrNull(row.before),
    after: fromJsonOrNull(row.after),
    reason: row.reason as string | null,
  };
}
