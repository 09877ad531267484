/**
 * Asks a vendor whose credential it is, and judges the answer. Writes nothing; `peerState.ts` says what follows for
 * the record.
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
  /** No answer came, or none that says anything about the credential. */
  | {
      readonly outcome: 'unreachable';
      readonly message: string;
      readonly heard?: string;
      /** When to ask again, where the vendor limits the rate. */
      readonly retryAfterMs?: number;
      readonly calls: readonly VendorCall[];
    };

/** How long a check may take, because a person waits for the answer. */
export const VENDOR_WAIT_MAX_MS = 20_000;

/** Never throws a `RemoteError`. Where `ends` aborts it, rejects with the reason of `ends`. */
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

/** The sender of an answer may not be the vendor, so its words are kept apart from the bridge's. */
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

/**
 * The details that a token may see: a token of one environment does not see the words of a sender that was not the
 * vendor.
 */
export function told(details: Details, environmentId: string | null): readonly Omit<StatusDetail, 'heard'>[] {
  return details.map(({ code, message, heard }) => ({
    code,
    message:
      heard === undefined || environmentId !== null ? message : `${message.replace(/\.$/, '')}. It ${heard}.`,
  }));
}

/**
 * The answer of `connection/status` to a token of this environment, or of all. For a saved peer it also says whether
 * the credential is for the workspace or instance that the peer is pinned to.
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

/**
 * Says in a sentence that the credential is for another workspace or instance than the peer is pinned to; null where
 * it is not.
 */
export function tenantMistake(peer: Peer, status: Pick<ConnectionStatus, 'tenant'>): string | null {
  if (peer.tenantId === null || status.tenant?.id === peer.tenantId) return null;
  const pinned = nameOf({ id: peer.tenantId, name: peer.tenantName ?? peer.tenantId });
  const speaksFor = status.tenant ? nameOf(status.tenant) : 'none that it would name';
  return `${peer.name} is pinned to ${pinned}, and this credential speaks for ${speaksFor}. Use a credential of ${pinned}; for another one, set up another.`;
}

function nameOf(tenant: { readonly id: string; readonly name: string }): string {
  return tenant.name === tenant.id ? tenant.id : `${tenant.name} (${tenant.id})`;
}

/** What a refused check says besides the rights that were granted. */
export function missingAmong(details: Details): Details {
  return details.filter((detail) => !('granted' in detail && detail.granted));
}

const RETRY_FIRST_MS = 10_000;
const RETRY_MAX_MS = 30 * 60_000;

/** Growing gaps between the checks of a paused peer, with jitter so that peers are not all checked at once. */
export function recheckGapMs(attempts: number): number {
  const ceiling = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts, 20));
  return Math.round(ceiling * (0.75 + random() / 4));
}

/** The code with which a peer is paused after a refused check. */
export function refusalCode(code: string | undefined): string {
  return code === ADDRESS_REFUSED ? ADDRESS_REFUSED : 'invalid_credential';
}
