/**
 * Decides which changes of a store need a check of its credential first, and which results of a check refuse the
 * change. Asks nobody and writes nothing.
 */

import type { StoreTypeDefinition } from '../connectors/connector.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { commonSpecs } from '../model/commonSettings.ts';
import { RequestError } from '../model/errors.ts';
import type { Configuration } from '../model/settings.ts';
import { type Check, tenantMistake, told } from '../stores/check.ts';
import { isPausedByAdmin } from '../stores/peerState.ts';
import { openSecretsOrNull, secretKeys } from '../stores/storeSecrets.ts';
import type { Keyring } from '../support/secret.ts';

export interface SettingsChange {
  readonly any: boolean;
  /** A setting changes that may decide where the connector connects to, or as whom. */
  readonly connection: boolean;
  /** The keys of secrets that differ from the stored ones. */
  readonly entered: readonly string[];
}

/** Common settings that decide how the bridge reaches the vendor. */
const WAY_KEYS = new Set(['CA_PEM', 'PROXY_URL']);
const COMMON_KEYS = new Set<string>(commonSpecs({ groupProvisioning: 'Create' }).map(({ key }) => key));

export function whatChanged(
  keyring: Keyring,
  definition: StoreTypeDefinition,
  before: StoreRecord,
  given: Configuration,
): SettingsChange {
  const keys = new Set([...Object.keys(before.configuration), ...Object.keys(given)]);
  const secrets = secretKeys(definition);
  const plain = [...keys].filter((key) => {
    return !secrets.includes(key) && JSON.stringify(before.configuration[key]) !== JSON.stringify(given[key]);
  });
  const stored = openSecretsOrNull(keyring, definition, before) ?? {};
  const entered = secrets.filter((key) => given[key] !== stored[key]);
  const connection = entered.length > 0 || plain.some((key) => !COMMON_KEYS.has(key) || WAY_KEYS.has(key));
  return { any: connection || plain.length > 0, connection, entered };
}

/** True where the last check says nothing about the new settings. */
export function needsCheck(
  store: StoreRecord,
  status: 'ACTIVE' | 'INACTIVE',
  settings: SettingsChange,
): boolean {
  if (status === 'INACTIVE') return settings.connection && store.tenantId !== null;
  const mayHeal = store.paused !== null && !isPausedByAdmin(store);
  return store.status !== 'ACTIVE' || settings.connection || mayHeal;
}

/** A paused store may be saved with a credential that fails, if this request does not change the credential. */
export function refuseCheck(
  definition: StoreTypeDefinition,
  store: StoreRecord,
  status: 'ACTIVE' | 'INACTIVE',
  check: Check,
  settings: SettingsChange,
  toldTo: string | null,
): void {
  if (store.status === 'ACTIVE' && status === 'ACTIVE' && !settings.connection) return;
  if (status === 'ACTIVE') refuseBadCredential(definition, check, toldTo);
  const other = check.outcome === 'ok' ? tenantMistake(store, check.status) : null;
  if (other === null) return;
  const errors = secretKeys(definition).map((key) => ({ pointer: `/configuration/${key}`, detail: other }));
  throw new RequestError(409, other, errors);
}

/** `toldTo`: the environment to which the caller's token is bound; null where it may see all. */
export function refuseBadCredential(
  definition: StoreTypeDefinition,
  check: Check,
  toldTo: string | null,
): void {
  if (check.outcome !== 'refused') return;
  const [key] = secretKeys(definition);
  const pointer = key === undefined ? '/configuration' : `/configuration/${key}`;
  throw new RequestError(
    400,
    'The store was not activated: its credential did not pass the check.',
    told(check.details, toldTo).map(({ message }) => ({ pointer, detail: message })),
  );
}
