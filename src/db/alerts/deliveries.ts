/**
 * The outbox of alerts: one row for each message. It is written in the transaction of its event and kept until some
 * days after it was delivered or given up; so is its text. Messages are in the order of the audit log.
 */

import { TEST } from '../../model/alerts/alerts.ts';
import { newId } from '../../support/ids.ts';
import { fromJson, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export interface DeliveryAttempt {
  /** ISO time */
  readonly at: string;
  /** The HTTP or SMTP status; 0: no answer came. */
  readonly status: number;
  readonly durationMs: number;
  readonly error?: string;
  /** The receiver's words, cut; not shown to tokens of one environment. */
  readonly heard?: string;
}

export type DeliveryState = 'pending' | 'delivered' | 'given_up';

export interface DeliveryRecord {
  readonly id: string;
  readonly alertId: string;
  readonly eventId: string;
  readonly type: string;
  /** The time of the event; an ISO time. */
  readonly at: string;
  readonly state: DeliveryState;
  readonly payload: string | null;
  readonly attempts: readonly DeliveryAttempt[];
}

/** The alert's pending messages in the order of their events, up to the event `upTo`. */
export async function nextDeliveries(
  db: Db,
  alertId: string,
  upTo: string,
  limit: number,
): Promise<readonly DeliveryRecord[]> {
  const rows = await db('alert_deliveries')
    .where({ alert_id: alertId, state: 'pending' })
    .where('event_id', '<=', upTo)
    .orderBy(['event_id', 'id'])
    .limit(limit);
  return rows.map(toDelivery);
}

/** Inserts a test that an admin asked for with this event. Answers its id. */
export async function insertTest(tx: Db, alertId: string, eventId: string, at: string): Promise<string> {
  const id = `msg_${newId().replaceAll('-', '')}`;
  await tx('alert_deliveries').insert({ id, alert_id: alertId, event_id: eventId, type: TEST, at });
  return id;
}

export async function writePayload(tx: Db, id: string, payload: string): Promise<void> {
  await tx('alert_deliveries').where({ id }).update({ payload });
}

export async function writeAttempt(
  tx: Db,
  id: string,
  attempts: readonly DeliveryAttempt[],
  state: DeliveryState,
  at: string,
): Promise<void> {
  const done = state === 'pending' ? {} : { payload: null, done_at: at };
  await tx('alert_deliveries')
    .where({ id })
    .update({ attempts: toJson(attempts), state, ...done });
}

/** Gives up messages of the alert that have waited since before `before`; ISO times. Answers how many. */
export function giveUpOlder(tx: Db, alertId: string, before: string, at: string): Promise<number> {
  return tx('alert_deliveries')
    .where({ alert_id: alertId, state: 'pending' })
    .where('at', '<', before)
    .update({ state: 'given_up', payload: null, done_at: at });
}

/** The same for alerts that are switched off, which nobody delivers. */
export function giveUpOlderOfInactive(db: Db, before: string, at: string): Promise<number> {
  return db('alert_deliveries')
    .where({ state: 'pending' })
    .where('at', '<', before)
    .whereIn('alert_id', db('alerts').where({ active: false }).select('id'))
    .update({ state: 'given_up', payload: null, done_at: at });
}

/**
 * Deletes messages that were delivered or given up before `before`, and those of deleted alerts. Answers how many.
 */
export async function deleteOldDeliveries(db: Db, before: string, limit: number): Promise<number> {
  const old = db('alert_deliveries').where('done_at', '<', before).limit(limit).select('id');
  const orphans = db('alert_deliveries')
    .whereNotIn('alert_id', db('alerts').select('id'))
    .limit(limit)
    .select('id');
  const gone = await db('alert_deliveries').whereIn('id', old).delete();
  return gone + (await db('alert_deliveries').whereIn('id', orphans).delete());
}

/** Null where it does not exist any more. */
export async function getDelivery(db: Db, id: string): Promise<DeliveryRecord | null> {
  const row = await db('alert_deliveries').where({ id }).first();
  return row ? toDelivery(row) : null;
}

/** Newest first; at most `limit`, after the given one. */
export async function listDeliveries(
  db: Db,
  alertId: string,
  limit: number,
  after: { readonly eventId: number; readonly id: string } | null,
): Promise<readonly DeliveryRecord[]> {
  const query = db('alert_deliveries')
    .where({ alert_id: alertId })
    .orderBy([
      { column: 'event_id', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit);
  if (after) query.whereRaw('(event_id, id) < (?, ?)', [after.eventId, after.id]);
  return (await query).map(toDelivery);
}

function toDelivery(row: Record<string, unknown>): DeliveryRecord {
  return {
    id: row.id as string,
    alertId: row.alert_id as string,
    eventId: String(row.event_id),
    type: row.type as string,
    at: row.at as string,
    state: row.state as DeliveryState,
    payload: row.payload as string | null,
    attempts: fromJson(row.attempts),
  };
}
