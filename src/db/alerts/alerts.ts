/**
 * Alerts: whom the bridge calls, and about what. Their URLs and signing secrets are sealed here. The state of a
 * receiver (failures in a row, the next attempt) does not change the version of the alert.
 */

import type { AlertKind, AlertType } from '../../model/alerts/alerts.ts';
import type { SealedSecret } from '../../support/secret.ts';
import { fromBoolean, fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import { type Db, forNoKeyUpdate, forUpdate } from '../open.ts';
import type { After } from '../paging.ts';

export interface AlertRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly name: string;
  readonly kind: AlertKind;
  readonly events: readonly AlertType[];
  readonly active: boolean;
  /** Null for e-mail. */
  readonly url: SealedSecret | null;
  /** Null for all but e-mail. */
  readonly recipients: readonly string[] | null;
  /** What signs webhooks; null for all others. */
  readonly signingSecret: SealedSecret | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** The state of its receiver. */
export interface ReceiverState {
  /** How many attempts failed in a row. */
  readonly failures: number;
  /** The next attempt comes at this time or later; an ISO time. */
  readonly retryAt: string | null;
}

/** Null where this environment has no such alert. */
export async function getAlert(db: Db, environmentId: string, id: string): Promise<AlertRecord | null> {
  const row = await db('alerts').where({ environment_id: environmentId, id }).first();
  return row ? toAlert(row) : null;
}

/** By id alone, with the state of its receiver. */
export async function getAlertWithReceiver(
  db: Db,
  id: string,
): Promise<(AlertRecord & ReceiverState) | null> {
  const row = await db('alerts').where({ id }).first();
  return row ? { ...toAlert(row), failures: Number(row.failures), retryAt: row.retry_at } : null;
}

/** As `getAlert`, and nobody else changes it until the transaction ends. */
export async function lockAlert(tx: Db, environmentId: string, id: string): Promise<AlertRecord | null> {
  const row = await forUpdate(tx, tx('alerts').where({ environment_id: environmentId, id })).first();
  return row ? toAlert(row) : null;
}

/**
 * Locks the alert before anything is written about its messages. Whoever deletes it does the same; in another order,
 * two transactions could wait for each other. False where it is gone.
 */
export async function holdAlert(tx: Db, id: string): Promise<boolean> {
  return (await forNoKeyUpdate(tx, tx('alerts').where({ id })).first('id')) !== undefined;
}

/** Oldest first; `limit` rows after the given one. */
export async function listAlerts(
  db: Db,
  environmentId: string,
  limit: number,
  after: After | null,
): Promise<readonly AlertRecord[]> {
  const query = db('alerts')
    .where({ environment_id: environmentId })
    .orderBy(['created_at', 'id'])
    .limit(limit);
  if (after) query.whereRaw('(created_at, id) > (?, ?)', [after.createdAt, after.id]);
  return (await query).map(toAlert);
}

export async function countAlerts(db: Db, environmentId: string): Promise<number> {
  const row = await db('alerts').where({ environment_id: environmentId }).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

export async function insertAlert(tx: Db, alert: AlertRecord): Promise<void> {
  const { id, environmentId, createdAt } = alert;
  await tx('alerts').insert({
    id,
    environment_id: environmentId,
    created_at: createdAt,
    ...settingsRow(alert),
  });
  await replaceWants(tx, alert);
}

/** Saves the alert. A receiver that failed is tried again at once, because the admin may have repaired it. */
export async function updateAlert(tx: Db, alert: AlertRecord): Promise<void> {
  await tx('alerts')
    .where({ id: alert.id })
    .update({ ...settingsRow(alert), retry_at: null });
  await replaceWants(tx, alert);
}

async function replaceWants(tx: Db, { id, environmentId, active, events }: AlertRecord): Promise<void> {
  await tx('alert_wants').where({ alert_id: id }).delete();
  if (!active) return;
  await tx('alert_wants').insert(
    events.map((type) => ({ alert_id: id, environment_id: environmentId, type })),
  );
}

/** Deletes the alert with its undelivered messages. */
export async function deleteAlert(tx: Db, id: string): Promise<void> {
  await tx('alert_wants').where({ alert_id: id }).delete();
  await tx('alert_deliveries').where({ alert_id: id }).delete();
  await tx('alerts').where({ id }).delete();
}

/** Ends new messages about the environment; those that are written already are still delivered. */
export async function endAlertsOf(tx: Db, environmentId: string): Promise<void> {
  await tx('alert_wants').where({ environment_id: environmentId }).delete();
}

/** Alerts of deleted environments that have delivered or given up all their messages. */
export async function finishedAlerts(db: Db): Promise<readonly string[]> {
  return db('alerts as a')
    .join('environments as e', 'e.id', 'a.environment_id')
    .whereNotNull('e.deleted_at')
    .whereNotExists(
      db('alert_deliveries as d')
        .where('d.alert_id', db.ref('a.id'))
        .where('d.state', 'pending')
        .select(db.raw('1')),
    )
    .pluck('a.id');
}

/** The receiver took a message, so its failures are forgotten. */
export async function noteReceived(tx: Db, id: string): Promise<void> {
  await tx('alerts').where({ id }).where('failures', '>', 0).update({ failures: 0, retry_at: null });
}

export async function noteFailure(tx: Db, id: string, { failures, retryAt }: ReceiverState): Promise<void> {
  await tx('alerts').where({ id }).update({ failures, retry_at: retryAt });
}

/**
 * True for one caller only, where no event since `before` said that messages of the alert were given up; ISO times.
 */
export async function takeGivenUp(tx: Db, id: string, before: string, at: string): Promise<boolean> {
  const taken = await tx('alerts')
    .where({ id })
    .where((q) => q.whereNull('given_up_at').orWhere('given_up_at', '<', before))
    .update({ given_up_at: at });
  return taken > 0;
}

export async function alertsSealedOtherwise(db: Db, keyId: string): Promise<readonly AlertRecord[]> {
  const rows = await db('alerts').orderBy('id');
  return rows
    .map(toAlert)
    .filter(({ url, signingSecret }) =>
      [url, signingSecret].some((secret) => secret !== null && secret.keyId !== keyId),
    );
}

/** Writes the same secrets, sealed again. */
export async function writeAlertSecrets(
  tx: Db,
  { id, url, signingSecret }: Pick<AlertRecord, 'id' | 'url' | 'signingSecret'>,
): Promise<void> {
  await tx('alerts')
    .where({ id })
    .update({ url: jsonOrNull(url), signing_secret: jsonOrNull(signingSecret) });
}

function settingsRow(alert: AlertRecord) {
  const { name, kind, events, active, url, recipients, signingSecret, updatedAt } = alert;
  return {
    ...{ name, kind, active },
    events: toJson(events),
    url: jsonOrNull(url),
    recipients: jsonOrNull(recipients),
    signing_secret: jsonOrNull(signingSecret),
    updated_at: updatedAt,
  };
}

function jsonOrNull(value: unknown): string | null {
  return value === null ? null : toJson(value);
}

function toAlert(row: Record<string, unknown>): AlertRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    name: row.name as string,
    kind: row.kind as AlertKind,
    events: fromJson(row.events),
    active: fromBoolean(row.active),
    url: fromJsonOrNull(row.url),
    recipients: fromJsonOrNull(row.recipients),
    signingSecret: fromJsonOrNull(row.signing_secret),
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
  };
}
