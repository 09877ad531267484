/** The audit log: appended in the transaction of what it reports, never changed. */

import type { Cause } from '../model/cause.ts';
import type { Subject } from '../model/subject.ts';
import { toJson } from './columns.ts';
import type { Db } from './open.ts';

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
  /** Dotted, most general first: `user.created`, `store.activated`, `change.disable`, `brake.tripped`. */
  readonly kind: string;
  readonly subject?: Subject & { readonly display?: string };
  readonly store?: { readonly id: string; readonly name: string };
  readonly outcome: 'success' | 'failure' | 'held' | 'skipped';
  /** Redacted by the caller: no password, token or secret may be in here. */
  readonly request?: unknown;
  readonly calls?: readonly EventCall[];
  readonly before?: unknown;
  readonly after?: unknown;
  readonly reason?: string;
}

/** `at` is an ISO time. Returns the event's id. */
export async function appendEvent(db: Db, at: string, event: NewEvent): Promise<string> {
  const [row] = await db('events')
    .insert({
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
    })
    .returning('id');
  const eventId = String(row.id);
  const others = [...new Set(event.alsoCausedBy)].filter((id) => id !== event.cause.correlationId);
  if (others.length > 0) {
    await db('event_correlations').insert(others.map((id) => ({ event_id: eventId, correlation_id: id })));
  }
  return eventId;
}

function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : toJson(value);
}
