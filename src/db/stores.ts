/** Stores: their settings, sealed secrets, and the state of their life. */

import type { Configuration, StoreType } from '../model/settings.ts';
import { fromBoolean, fromJson, fromJsonOrNull } from './columns.ts';
import type { Db } from './open.ts';

export type StoreStatus = 'INACTIVE' | 'ACTIVE' | 'DELETING';

export interface PauseState {
  /** admin, invalid_credential, unreachable, other_tenant */
  readonly code: string;
  readonly message: string;
}

/** A secret as `support/secret` sealed it, bound to the hosts it was entered for. */
export interface SealedSecret {
  readonly keyId: string;
  readonly sealed: string;
}

export interface StoreRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly type: StoreType;
  readonly name: string;
  readonly description: string | null;
  readonly image: Readonly<Record<string, unknown>>;
  readonly managed: boolean;
  readonly status: StoreStatus;
  /** What the admin gave, without secrets and defaults. */
  readonly configuration: Configuration;
  readonly secrets: Readonly<Record<string, SealedSecret>>;
  readonly tenantId: string | null;
  readonly tenantName: string | null;
  readonly self: { readonly remoteId: string | null; readonly identifiers: readonly string[] } | null;
  readonly paused: PauseState | null;
  readonly pausedAt: string | null;
  readonly retryAt: string | null;
  readonly retryAttempts: number;
  readonly creationsWaitUntil: string | null;
  readonly brakeTrippedAt: string | null;
  readonly scannedAt: string | null;
  readonly lastSyncAt: string | null;
  readonly lastSuccessAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Null where there is none, or it is deleted. */
export async function getStore(db: Db, id: string): Promise<StoreRecord | null> {
  const row = await db('stores').where({ id }).whereNull('deleted_at').first();
  return row ? toStore(row) : null;
}

export function toStore(row: Record<string, unknown>): StoreRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    type: row.type as StoreType,
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
    brakeTrippedAt: row.brake_tripped_at as string | null,
    scannedAt: row.scanned_at as string | null,
    lastSyncAt: row.last_sync_at as string | null,
    lastSuccessAt: row.last_success_at as string | null,
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
  };
}
