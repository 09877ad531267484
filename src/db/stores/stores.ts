/** Stores: their settings, sealed secrets and status. */

import type { Peer } from '../../model/peer.ts';
import type { Configuration } from '../../model/settings.ts';
import type { SealedSecret } from '../../support/secret.ts';
import { fromBoolean, fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import { type Db, forUpdate } from '../open.ts';
import type { After } from '../paging.ts';

export type StoreStatus = 'INACTIVE' | 'ACTIVE' | 'DELETING';

export interface StoreRecord extends Peer {
  readonly description: string | null;
  readonly image: { readonly href?: string };
  readonly managed: boolean;
  readonly status: StoreStatus;
  /** What the admin gave, without secrets and defaults. */
  readonly configuration: Configuration;
  /** The secrets by key, each bound to the store and to the hosts that it was entered for. */
  readonly secrets: Readonly<Record<string, SealedSecret>>;
  /** ISO time; null while the vendor has seats, as far as the bridge knows. */
  readonly creationsWaitUntil: string | null;
  /** How often in a row the vendor had no seats. */
  readonly seatRefusals: number;
  /** Something else than the vendor answers every call; null where that is not so. */
  readonly unrecognised: UnrecognisedAnswers | null;
  readonly brakeTrippedAt: string | null;
  readonly scannedAt: string | null;
  /** Rises with every change of the settings, rules or mappings that make the store context. */
  readonly contextVersion: number;
  readonly lastSyncAt: string | null;
  readonly lastSuccessAt: string | null;
  readonly createdAt: string;
}

/** ISO times. */
export interface UnrecognisedAnswers {
  readonly since: string;
  readonly message: string;
  readonly retryAt: string;
}

/** Null where it does not exist, or is deleted. */
export async function getStore(db: Db, id: string): Promise<StoreRecord | null> {
  const row = await db('stores').where({ id }).whereNull('deleted_at').first();
  return row ? toStore(row) : null;
}

/** As `getStore`, in one environment: another tenant's store does not exist. */
export async function getStoreOf(db: Db, environmentId: string, id: string): Promise<StoreRecord | null> {
  const row = await db('stores').where({ id, environment_id: environmentId }).whereNull('deleted_at').first();
  return row ? toStore(row) : null;
}

/** As `getStore`; until the transaction ends, nobody else writes it. */
export async function lockStore(tx: Db, id: string): Promise<StoreRecord | null> {
  const row = await forUpdate(tx, tx('stores').where({ id }).whereNull('deleted_at')).first();
  return row ? toStore(row) : null;
}

/** Oldest first; `limit` rows after the given one. */
export async function listStores(
  db: Db,
  environmentId: string,
  limit: number,
  after: After | null,
): Promise<readonly StoreRecord[]> {
  const query = db('stores')
    .where({ environment_id: environmentId })
    .whereNull('deleted_at')
    .orderBy(['created_at', 'id'])
    .limit(limit);
  if (after) query.whereRaw('(created_at, id) > (?, ?)', [after.createdAt, after.id]);
  return (await query).map(toStore);
}

/** The stores whose tasks are worked on, or will be once they are resumed; oldest first. */
export async function listWorkingStores(db: Db, environmentId: string): Promise<readonly StoreRecord[]> {
  const rows = await db('stores')
    .where({ environment_id: environmentId })
    .whereIn('status', ['ACTIVE', 'DELETING'])
    .whereNull('deleted_at')
    .orderBy(['created_at', 'id']);
  return rows.map(toStore);
}

/** All stores, whatever their status; oldest first. */
export async function everyStoreOf(db: Db, environmentId: string): Promise<readonly StoreRecord[]> {
  const rows = await db('stores')
    .where({ environment_id: environmentId })
    .whereNull('deleted_at')
    .orderBy(['created_at', 'id']);
  return rows.map(toStore);
}

/** The stores of every environment that are worked on, or will be once they are resumed; oldest first. */
export async function everyWorkingStore(db: Db): Promise<readonly StoreRecord[]> {
  const rows = await db('stores')
    .whereIn('status', ['ACTIVE', 'DELETING'])
    .whereNull('deleted_at')
    .orderBy(['created_at', 'id']);
  return rows.map(toStore);
}

/** The active stores of every environment; oldest first. */
export async function everyActiveStore(db: Db): Promise<readonly StoreRecord[]> {
  const rows = await db('stores')
    .where({ status: 'ACTIVE' })
    .whereNull('deleted_at')
    .orderBy(['created_at', 'id']);
  return rows.map(toStore);
}

/** The names by id; deleted stores too, because events name them. */
export async function storeNames(db: Db, environmentId: string): Promise<ReadonlyMap<string, string>> {
  const rows: { id: string; name: string }[] = await db('stores')
    .where({ environment_id: environmentId })
    .select('id', 'name');
  return new Map(rows.map(({ id, name }) => [id, name]));
}

export async function countStores(db: Db, environmentId: string): Promise<number> {
  const row = await db('stores')
    .where({ environment_id: environmentId })
    .whereNull('deleted_at')
    .count({ n: '*' })
    .first();
  return Number(row?.n ?? 0);
}

/** Throws a unique violation where another working store is pinned to the same tenant. */
export async function insertStore(db: Db, store: StoreRecord): Promise<void> {
  await db('stores').insert({ id: store.id, ...toRow(store) });
}

/**
 * Saves what admins and checks decide. What workers keep (the brake, scans, successes, seats) stays as it is, so that
 * neither overwrites the other. Throws a unique violation as `insertStore` does.
 */
export async function updateStore(db: Db, store: StoreRecord): Promise<void> {
  const {
    creations_wait_until: _wait,
    seat_refusals: _seats,
    unrecognised: _unrecognised,
    brake_tripped_at: _brake,
    scanned_at: _scanned,
    last_sync_at: _synced,
    last_success_at: _succeeded,
    ...columns
  } = toRow(store);
  await db('stores')
    .where({ id: store.id })
    .update({ ...columns, context_version: db.raw('context_version + 1') });
}

/** Stores with a secret that another key than this one sealed. */
export async function storesSealedOtherwise(db: Db, keyId: string): Promise<readonly StoreRecord[]> {
  const rows = await db('stores').whereNull('deleted_at').orderBy('id');
  return rows
    .map(toStore)
    .filter((store) => Object.values(store.secrets).some((secret) => secret.keyId !== keyId));
}

/** Writes the same secrets, sealed again: no admin or connector notices. */
export async function writeSecrets(db: Db, id: string, secrets: StoreRecord['secrets']): Promise<void> {
  await db('stores')
    .where({ id })
    .update({ secrets: toJson(secrets) });
}

/**
 * Marks the store as deleted and deletes its secrets. The row stays, because events name it. `at` is an ISO
 * time.
 */
export async function softDeleteStore(db: Db, id: string, at: string): Promise<void> {
  await db('stores')
    .where({ id })
    .update({
      status: 'INACTIVE',
      secrets: '{}',
      configuration: '{}',
      self: null,
      paused: null,
      paused_at: null,
      retry_at: null,
      updated_at: at,
      deleted_at: at,
      context_version: db.raw('context_version + 1'),
    });
}

/** Tables with rows that belong to a store, children before their parents. */
const BELONGINGS = [
  'tasks',
  'second_looks',
  'leavers',
  'causes',
  'losses',
  'incident_stores',
  'key_waits',
  'link_keys',
  'links',
  'membership_ledger',
  'refused_memberships',
  'observations',
  'rules',
  'attribute_mappings',
  'group_mappings',
  'sync_statuses',
  'brake_ledger',
  'protected_accounts',
  'spared_accounts',
  'previews',
  'sync_runs',
  'demo_groups',
  'demo_accounts',
] as const;

export async function forgetBelongings(db: Db, storeId: string): Promise<void> {
  for (const table of BELONGINGS) await db(table).where({ store_id: storeId }).delete();
  // Without the lease, a worker in the middle of a task may not record anything any more.
  await db('leases').where({ peer_id: storeId }).delete();
}

function toRow(store: StoreRecord) {
  return {
    environment_id: store.environmentId,
    type: store.type,
    name: store.name,
    description: store.description,
    image: toJson(store.image),
    managed: store.managed,
    status: store.status,
    configuration: toJson(store.configuration),
    secrets: toJson(store.secrets),
    tenant_id: store.tenantId,
    tenant_name: store.tenantName,
    self: store.self && toJson(store.self),
    paused: store.paused && toJson(store.paused),
    paused_at: store.pausedAt,
    retry_at: store.retryAt,
    retry_attempts: store.retryAttempts,
    creations_wait_until: store.creationsWaitUntil,
    seat_refusals: store.seatRefusals,
    unrecognised: store.unrecognised && toJson(store.unrecognised),
    brake_tripped_at: store.brakeTrippedAt,
    scanned_at: store.scannedAt,
    last_sync_at: store.lastSyncAt,
    last_success_at: store.lastSuccessAt,
    created_at: store.createdAt,
    updated_at: store.updatedAt,
  };
}

export function toStore(row: Record<string, unknown>): StoreRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    type: row.type as string,
    name: row.name as string,
    description: row.description as string | null,
    image: fromJson(row.image),
    managed: fromBoolean(row.managed),
    status: row.status as StoreStatus,
    configuration: fromJson(row.configuration),
    secrets: fromJson(row.secrets),
    tenantId: row.tenant_id as string | null,
    tenantName: row.tenant_name as string | null,
    self: fromJsonOrNull(row.self),
    paused: fromJsonOrNull(row.paused),
    pausedAt: row.paused_at as string | null,
    retryAt: row.retry_at as string | null,
    retryAttempts: row.retry_attempts as number,
    creationsWaitUntil: row.creations_wait_until as string | null,
    seatRefusals: Number(row.seat_refusals),
    unrecognised: fromJsonOrNull(row.unrecognised),
    brakeTrippedAt: row.brake_tripped_at as string | null,
    scannedAt: row.scanned_at as string | null,
    contextVersion: Number(row.context_version),
    lastSyncAt: row.last_sync_at as string | null,
    lastSuccessAt: row.last_success_at as string | null,
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
  };
}
