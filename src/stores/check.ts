/**
 * Asks a vendor who a credential speaks for, and says what the answer is worth. Writes nothing; what follows for
 * the record is in `peerState.ts`.
 */

import { heardOf } from '../connectors/answers.ts';
import {
  ADDRESS_REFUSED,
  type ConnectionStatus,
  type Connector,
  type StatusDetail,
  type VendorCall,
} from '../connectors/connector.ts';
import { RemoteError } from '../model/errors.ts';
import type { Peer } from '../model/peer.ts';
import { random } from '../support/random.ts';

type Details = readonly StatusDetail[];

export type Check =
  | { readonly outcome: 'ok'; readonly status: ConnectionStatus; readonly calls: readonly VendorCall[] }
  /** The store refuses the credential, or it lacks what the bridge needs. */
  | { readonly outcome: 'refused'; readonly details: Details; readonly calls: readonly VendorCall[] }
  /** Nobody knows: no answer, or none that says anything about the credential. */
  | {
      readonly outcome: 'unreachable';
      readonly message: string;
      readonly heard?: string;
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

/** Whoever answers a check may not be the vendor: what it said is kept apart from what the bridge says. */
function judged(error: RemoteError) {
  const { disposition, status, code, heard } = error;
  const isOwn = status === undefined || error.unrecognised;
  const message = isOwn ? error.message : `${error.store} did not ${error.action}: HTTP ${status}`;
  const words = heard ?? (isOwn || code === undefined ? undefined : `says ${heardOf(code)}`);
  const said = { message, ...(words === undefined ? {} : { heard: words }) };
  switch (disposition) {
    case 'transient':
    case 'rateLimited':
    case 'unknownOutcome':
      return {
        outcome: 'unreachable' as const,
        ...said,
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      };
    default:
      return {
        outcome: 'refused' as const,
        details: [{ code: (isOwn ? code : undefined) ?? disposition, ...said }],
      };
  }
}

/** What a token may be told: that of one environment hears nothing of what a stranger answered. */
export function told(details: Details, environmentId: string | null): readonly Omit<StatusDetail, 'heard'>[] {
  return details.map(({ code, message, heard }) => ({
    code,
    message:
      heard === undefined || environmentId !== null ? message : `${message.replace(/\.$/, '')}. It ${heard}.`,
  }));
}

/**
 * As `connection/status` answers it to a token of this environment, or of all. The pin of what is saved is part of
 * the question.
 */
export function describeCheck(
  check: Check,
  peer: Peer | null,
  environmentId: string | null,
): { readonly status: 'OK' | 'FAILED'; readonly details: readonly Omit<StatusDetail, 'heard'>[] } {
  switch (check.outcome) {
    case 'unreachable': {
      const { message, heard } = check;
      const detail = { code: 'unreachable', message, ...(heard === undefined ? {} : { heard }) };
      return { status: 'FAILED', details: told([detail], environmentId) };
    }
    case 'refused':
      return { status: 'FAILED', details: told(check.details, environmentId) };
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
export function tenantMistake(peer: Peer, status: Pick<ConnectionStatus, 'tenant'>): string | null {
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

/** Why a peer whose check was refused is paused. */
export function refusalCode(code: string | undefined): string {
  return code === ADDRESS_REFUSED ? ADDRESS_REFUSED : 'invalid_credential';
}
