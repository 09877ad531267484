/**
 * Puts an inquiry's question to the store's vendor, for a worker. Reads there and writes nowhere. For a saved store
 * it uses the connector of the store's tasks, so that both share one pacing.
 */

import type { VendorCall } from '../connectors/connector.ts';
import type { Db } from '../db/open.ts';
import type { GroupsPlace, Inquiry, Question, SealedSecrets } from '../db/queue/inquiries.ts';
import { getStore } from '../db/stores/stores.ts';
import { RemoteError } from '../model/errors.ts';
import type { Remote } from '../model/remote.ts';
import type { ListedGroup } from '../sources/source.ts';
import type { Keyring } from '../support/secret.ts';
import { type Check, checkConnection, VENDOR_WAIT_MAX_MS } from './check.ts';
import type { Connectors } from './connectorCache.ts';
import { openSecrets } from './storeSecrets.ts';

export type ReadAnswer =
  | { readonly outcome: 'found'; readonly remote: Remote; readonly calls: readonly VendorCall[] }
  /** The vendor says that no such account or group exists. */
  | { readonly outcome: 'none'; readonly calls: readonly VendorCall[] }
  /** The vendor did not say. */
  | {
      readonly outcome: 'unknown';
      readonly message: string;
      /** Where the rate is limited: when to ask again. */
      readonly retryAfterMs?: number;
      readonly calls: readonly VendorCall[];
    };

/** What a pulled directory says of its groups. */
export type GroupsAnswer =
  | {
      readonly outcome: 'listed';
      readonly groups: readonly ListedGroup[];
      /** Where the next page begins; null after the last. */
      readonly next: GroupsPlace | null;
    }
  /** Another account than the pinned one answered, or the credential may not read groups. */
  | { readonly outcome: 'refused'; readonly message: string }
  /** The directory did not say. */
  | { readonly outcome: 'unsaid'; readonly message: string; readonly retryAfterMs?: number };

/** The store is gone, or the bridge failed and its log says why. */
export type Failure = { readonly outcome: 'gone' | 'failed' };
export type Answer = Check | ReadAnswer | GroupsAnswer;
export type InquiryAnswer = Answer | Failure;

export interface AskVendorDeps {
  readonly db: Db;
  readonly keyring: Keyring;
  readonly connectors: Connectors;
}

/** Where `ends` aborts it, rejects with the reason of `ends`. */
export async function askVendor(
  deps: AskVendorDeps,
  { peerId, question, secrets }: Pick<Inquiry, 'peerId' | 'question' | 'secrets'>,
  ends: AbortSignal,
): Promise<InquiryAnswer> {
  if (question.kind === 'check' && question.trial !== null)
    return checkConnection(trialConnector(deps, peerId, question.trial, secrets), ends);
  const store = await getStore(deps.db, peerId);
  if (!store || question.kind === 'groups') return { outcome: 'gone' };
  const connector = deps.connectors.connectorFor(store);
  if (question.kind === 'check') return checkConnection(connector, ends);
  const calls: VendorCall[] = [];
  const signal = AbortSignal.any([ends, AbortSignal.timeout(VENDOR_WAIT_MAX_MS)]);
  const record = (call: VendorCall) => calls.push(call);
  try {
    const remote = await connector.read(question.subject, question.remoteId, { signal, record });
    return remote ? { outcome: 'found', remote, calls } : { outcome: 'none', calls };
  } catch (error) {
    ends.throwIfAborted();
    if (error instanceof RemoteError) {
      const { message, retryAfterMs } = error;
      return { outcome: 'unknown', message, calls, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    }
    if (!signal.aborted) throw error;
    return { outcome: 'unknown', message: `${store.type} did not answer in time`, calls };
  }
}

function trialConnector(
  { keyring, connectors }: AskVendorDeps,
  id: string,
  { type, configuration }: NonNullable<Extract<Question, { kind: 'check' }>['trial']>,
  secrets: SealedSecrets,
) {
  const definition = connectors.definitionOf(type);
  const opened = openSecrets(keyring, definition, { id, configuration, secrets });
  return connectors.connect(definition, id, { ...configuration, ...opened });
}
