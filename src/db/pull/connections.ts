/** How each pulled connection is reached, and its state: the peer behind the connection with the same id. */

import type { Pause, Peer } from '../../model/peer.ts';
import type { PullSettings } from '../../model/pull/pull.ts';
import type { Configuration } from '../../model/settings.ts';
import type { SealedSecret } from '../../support/secret.ts';
import { fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import { type Db, forUpdate } from '../open.ts';

export interface LastSync {
  readonly at: string;
  readonly status: string;
  readonly error: string | null;
  readonly runId: string;
}

export interface PulledRecord extends Peer {
  readonly status: 'STAGED' | 'ACTIVE';
  readonly configuration: Configuration;
  readonly secrets: Readonly<Record<string, SealedSecret>>;
  readonly settings: PullSettings;
  readonly position: string | null;
  readonly lastSync: LastSync | null;
  /** ISO times */
  readonly lastSuccessAt: string | null;
  readonly lastFullAt: string | null;
  /** Settings changed then that a delta does not apply to those who did not change; null: a full run has applied them. */
  readonly fullDueSince: string | null;
  readonly nextRunAt: string | null;
}

export async function insertPulled(db: Db, record: PulledRecord): Promise<void> {
  await db('pulled_connections').insert({
    connection_id: record.id,
    environment_id: record.environmentId,
    strategy: record.type,
    ...columns(record),
  });
}

export async function updatePulled(db: Db, record: PulledRecord): Promise<void> {
  await db('pulled_connections').where({ connection_id: record.id }).update(columns(record));
}

/** Deletes it with everything that is known of its source: nothing pulls it any more. */
export async function deletePulled(db: Db, id: string): Promise<void> {
  const runs = () => db('pull_runs').where({ connection_id: id }).select('id');
  for (const table of ['pull_staged', 'pull_staged_members', 'pull_changes'])
    await db(table).whereIn('run_id', runs()).delete();
  for (const table of ['pull_runs', 'source_records', 'identities', 'pulled_connections'])
    await db(table).where({ connection_id: id }).delete();
}

/** Null where the connection is not pulled. */
export async function getPulled(db: Db, id: string): Promise<PulledRecord | null> {
  const row = await db('pulled_connections').where({ connection_id: id }).first();
  return row ? toPulled(row) : null;
}

/** As `getPulled`; until the transaction ends, nobody else changes it. */
export async function lockPulled(db: Db, id: string): Promise<PulledRecord | null> {
  const row = await forUpdate(db, db('pulled_connections').where({ connection_id: id })).first();
  return row ? toPulled(row) : null;
}

export async function pulledAmong(
  db: Db,
  ids: readonly string[],
): Promise<ReadonlyMap<string, PulledRecord>> {
  const rows = ids.length === 0 ? [] : await db('pulled_connections').whereIn('connection_id', ids);
  return new Map(rows.map((row: Record<string, unknown>) => [row.connection_id as string, toPulled(row)]));
}

/** Those with a secret that another key than this one sealed. */
export async function pulledSealedOtherwise(db: Db, keyId: string): Promise<readonly PulledRecord[]> {
  const all: PulledRecord[] = (await db('pulled_connections')).map(toPulled);
  return all.filter(({ secrets }) => Object.values(secrets).some((secret) => secret.keyId !== keyId));
}

function columns(record: PulledRecord) {
  return {
    name: record.name,
    status: record.status,
    configuration: toJson(record.configuration),
    secrets: toJson(record.secrets),
    settings: toJson(record.settings),
    tenant_id: record.tenantId,
    tenant_name: record.tenantName,
    self: record.self === null ? null : toJson(record.self),
    paused: record.paused === null ? null : toJson(record.paused),
    paused_at: record.pausedAt,
    retry_at: record.retryAt,
    retry_attempts: record.retryAttempts,
    position: record.position,
    last_sync: record.lastSync === null ? null : toJson(record.lastSync),
    last_success_at: record.lastSuccessAt,
    last_full_at: record.lastFullAt,
    full_due_since: record.fullDueSince,
    next_run_at: record.nextRunAt,
    updated_at: record.updatedAt,
  };
}

function toPulled(row: Record<string, unknown>): PulledRecord {
  return {
    id: row.connection_id as string,
    environmentId: row.environment_id as string,
    name: row.name as string,
    type: row.strategy as string,
    status: row.status as PulledRecord['status'],
    configuration: fromJson(row.configuration),
    secrets: fromJson(row.secrets),
    settings: fromJson(row.settings),
    tenantId: row.tenant_id as string | null,
    tenantName: row.tenant_name as string | null,
    self: fromJsonOrNull(row.self),
    paused: fromJsonOrNull<Pause>(row.paused),
    pausedAt: row.paused_at as string | null,
    retryAt: row.retry_at as string | null,
    retryAttempts: Number(row.retry_attempts),
    position: row.position as string | null,
    lastSync: fromJsonOrNull(row.last_sync),
    lastSuccessAt: row.last_success_at as string | null,
    lastFullAt: row.last_full_at as string | null,
    fullDueSince: row.full_due_since as string | null,
    nextRunAt: row.next_run_at as string | null,
    updatedAt: row.updated_at as string,
  };
}
