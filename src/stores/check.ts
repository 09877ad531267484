/**
 * Asks a store who its credential speaks for, and says what follows for the store's record: pinned,
 * paused, or refused. Writes nothing.
 */

import type { ConnectionStatus, Connector, VendorCall } from '../connectors/connector.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { RemoteError } from '../model/errors.ts';
import { random } from '../support/random.ts';

type Details = ConnectionStatus['details'];

export type Check =
  | { readonly outcome: 'ok'; readonly status: ConnectionStatus; readonly calls: readonly VendorCall[] }
  /** The store refuses the credential, or it lacks what the bridge needs. */
  | { readonly outcome: 'refused'; readonly details: Details; readonly calls: readonly VendorCall[] }
  /** Nobody knows: no answer, or none that says anything about the credential. */
  | { readonly outcome: 'unreachable'; readonly message: string; readonly calls: readonly VendorCall[] };

/** A check is part of a request, so it may not take longer than people wait. */
export const CHECK_TIMEOUT_MS = 20_000;

/** Never throws a `RemoteError`. */
export async function checkConnection(connector: Connector): Promise<Check> {
  const calls: VendorCall[] = [];
  const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
  try {
    const status = await connector.check({ signal, record: (call) => calls.push(call) });
    if (status.status === 'OK') return { outcome: 'ok', status, calls };
    return { outcome: 'refused', details: status.details, calls };
  } catch (error) {
    if (error instanceof RemoteError) return { ...judged(error), calls };
    if (!signal.aborted) throw error;
    const message = `${connector.type} did not answer within ${CHECK_TIMEOUT_MS / 1000} s`;
    return { outcome: 'unreachable', message, calls };
  }
}

function judged(error: RemoteError) {
  switch (error.disposition) {
    case 'transient':
    case 'rateLimited':
    case 'unknownOutcome':
      return { outcome: 'unreachable' as const, message: error.message };
    default:
      return {
        outcome: 'refused' as const,
        details: [{ code: error.code ?? error.disposition, message: error.message }],
      };
  }
}

/** As `stores/connection/status` answers it. A saved store's pin is part of the question. */
export function describeCheck(
  check: Check,
  store: StoreRecord | null,
): { readonly status: 'OK' | 'FAILED'; readonly details: Details } {
  switch (check.outcome) {
    case 'unreachable':
      return { status: 'FAILED', details: [{ code: 'unreachable', message: check.message }] };
    case 'refused':
      return { status: 'FAILED', details: check.details };
    case 'ok': {
      const { tenant, details } = check.status;
      const other = store && tenantMistake(store, check.status);
      if (other) return { status: 'FAILED', details: [{ code: 'other_tenant', message: other }, ...details] };
      if (!tenant) return { status: 'OK', details };
      const message = `This credential speaks for ${nameOf(tenant)}.`;
      return { status: 'OK', details: [{ code: 'tenant', message }, ...details] };
    }
  }
}

/** A sentence where the credential speaks for another workspace or instance than the store is pinned to. */
export function tenantMistake(store: StoreRecord, status: ConnectionStatus): string | null {
  if (store.tenantId === null || status.tenant?.id === store.tenantId) return null;
  const pinned = nameOf({ id: store.tenantId, name: store.tenantName ?? store.tenantId });
  const speaksFor = status.tenant ? nameOf(status.tenant) : 'none that it would name';
  return `The store ${store.name} is pinned to ${pinned}, and this credential speaks for ${speaksFor}. Use a credential of ${pinned}, or make another store.`;
}

function nameOf(tenant: { readonly id: string; readonly name: string }): string {
  return tenant.name === tenant.id ? tenant.id : `${tenant.name} (${tenant.id})`;
}

const RETRY_FIRST_MS = 10_000;
const RETRY_MAX_MS = 30 * 60_000;

/** Growing gaps between the checks of a paused store, with jitter so that stores do not march in step. */
export function recheckGapMs(attempts: number): number {
  const ceiling = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts, 20));
  return Math.round(ceiling * (0.75 + random() / 4));
}
