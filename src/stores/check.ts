/**
 * Asks a vendor who a credential speaks for, and says what the answer is worth. Writes nothing; what follows for
 * the record is in `peerState.ts`.
 */

import type { ConnectionStatus, Connector, VendorCall } from '../connectors/connector.ts';
import { RemoteError } from '../model/errors.ts';
import type { Peer } from '../model/peer.ts';
import { random } from '../support/random.ts';

type Details = ConnectionStatus['details'];

export type Check =
  | { readonly outcome: 'ok'; readonly status: ConnectionStatus; readonly calls: readonly VendorCall[] }
  /** The store refuses the credential, or it lacks what the bridge needs. */
  | { readonly outcome: 'refused'; readonly details: Details; readonly calls: readonly VendorCall[] }
  /** Nobody knows: no answer, or none that says anything about the credential. */
  | {
      readonly outcome: 'unreachable';
      readonly message: string;
      /** Where the rate is limited: when to ask again. */
      readonly retryAfterMs?: number;
      readonly calls: readonly VendorCall[];
    };

/** Somebody waits for the answer: it may not take longer than people do. */
export const VENDOR_WAIT_MAX_MS = 20_000;

/** Never throws a `RemoteError`. Rejects with the reason of `ends` where that cuts it short. */
export async function checkConnection(
  connector: Pick<Connector, 'type' | 'check'>,
  ends: AbortSignal = new AbortController().signal,
): Promise<Check> {
  const calls: VendorCall[] = [];
  const signal = AbortSignal.any([ends, AbortSignal.timeout(VENDOR_WAIT_MAX_MS)]);
  try {
    const status = await connector.check({ signal, record: (call) => calls.push(call) });
    if (status.status === 'OK') return { outcome: 'ok', status, calls };
    return { outcome: 'refused', details: status.details, calls };
  } catch (error) {
    ends.throwIfAborted();
    if (error instanceof RemoteError) return { ...judged(error), calls };
    if (!signal.aborted) throw error;
    const message = `${connector.type} did not answer within ${VENDOR_WAIT_MAX_MS / 1000} s`;
    return { outcome: 'unreachable', message, calls };
  }
}

function judged(error: RemoteError) {
  switch (error.disposition) {
    case 'transient':
    case 'rateLimited':
    case 'unknownOutcome':
      return {
        outcome: 'unreachable' as const,
        message: error.message,
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      };
    default:
      return {
        outcome: 'refused' as const,
        details: [{ code: error.code ?? error.disposition, message: error.message }],
      };
  }
}

/** As `connection/status` answers it. The pin of what is saved is part of the question. */
export function describeCheck(
  check: Check,
  peer: Peer | null,
): { readonly status: 'OK' | 'FAILED'; readonly details: Details } {
  switch (check.outcome) {
    case 'unreachable':
      return { status: 'FAILED', details: [{ code: 'unreachable', message: check.message }] };
    case 'refused':
      return { status: 'FAILED', details: check.details };
    case 'ok': {
      const { tenant, details } = check.status;
      const other = peer && tenantMistake(peer, check.status);
      if (other) return { status: 'FAILED', details: [{ code: 'other_tenant', message: other }, ...details] };
      if (!tenant) return { status: 'OK', details };
      const message = `This credential speaks for ${nameOf(tenant)}.`;
      return { status: 'OK', details: [{ code: 'tenant', message }, ...details] };
    }
  }
}

/** A sentence where the credential speaks for another workspace or instance than the peer is pinned to. */
export function tenantMistake(peer: Peer, status: ConnectionStatus): string | null {
  if (peer.tenantId === null || status.tenant?.id === peer.tenantId) return null;
  const pinned = nameOf({ id: peer.tenantId, name: peer.tenantName ?? peer.tenantId });
  const speaksFor = status.tenant ? nameOf(status.tenant) : 'none that it would name';
  return `${peer.name} is pinned to ${pinned}, and this credential speaks for ${speaksFor}. Use a credential of ${pinned}; for another one, set up another.`;
}

function nameOf(tenant: { readonly id: string; readonly name: string }): string {
  return tenant.name === tenant.id ? tenant.id : `${tenant.name} (${tenant.id})`;
}

const RETRY_FIRST_MS = 10_000;
const RETRY_MAX_MS = 30 * 60_000;

/** Growing gaps between the checks of a paused peer, with jitter so that peers do not march in step. */
export function recheckGapMs(attempts: number): number {
  const ceiling = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts, 20));
  return Math.round(ceiling * (0.75 + random() / 4));
}
