/**
 * A store's secrets on their way between the admin API and the database. A secret is sealed for one store, one key,
 * and everyone who could read it when it was entered. Whoever changes the host must enter it again, even if they
 * change it in the database.
 */

import type { Knex } from 'knex';
import type { Registry } from '../connectors/registry.ts';
import { resealCanary } from '../db/access/canary.ts';
import { resealIdentifierKey } from '../db/access/identifierKey.ts';
import { lockPulled, pulledSealedOtherwise, updatePulled } from '../db/pull/connections.ts';
import { lockStore, type StoreRecord, storesSealedOtherwise, writeSecrets } from '../db/stores/stores.ts';
import { type Configuration, MASK, type SettingSpec, withDefaults } from '../model/settings.ts';
import type { Sources } from '../sources/registry.ts';
import type { Keyring, SealedSecret } from '../support/secret.ts';

type Secrets = Readonly<Record<string, string>>;

/** What has secrets: a store type, or a type of directory that is pulled. */
export interface Sealable {
  readonly settings: readonly SettingSpec[];
  readonly hostKeys: readonly string[];
}

interface Sealed {
  readonly id: string;
  readonly configuration: Configuration;
  readonly secrets: Readonly<Record<string, SealedSecret>>;
}

export function secretKeys(definition: Sealable): readonly string[] {
  return definition.settings.filter((spec) => spec.secret).map((spec) => spec.key);
}

/**
 * Who can read a secret on its way, by key: the origins (RFC 6454) of the configuration's URLs, defaults included. A
 * proxy can read everything that is sent in clear, and everything else too where its authority is trusted.
 */
export function recipientsOf(definition: Sealable, given: Configuration): ReadonlyMap<string, string> {
  const effective = withDefaults(definition.settings, given);
  const originAt = (key: string): string => {
    const value = effective[key];
    if (typeof value !== 'string' || !URL.canParse(value)) return '';
    const { origin, protocol, host } = new URL(value);
    // Only URLs of web schemes have an origin.
    return origin === 'null' ? `${protocol}//${host.toLowerCase()}` : origin;
  };
  const hosts = new Map(definition.hostKeys.map((key) => [key, originAt(key)]));
  const { PROXY_URL: proxy, CA_PEM: authority } = effective;
  if (proxy === undefined) return hosts;
  const inClear = [...hosts.values()].some((origin) => origin.startsWith('http:'));
  if (inClear || authority !== undefined) hosts.set('PROXY_URL', `through ${originAt('PROXY_URL')}`);
  if (authority !== undefined) hosts.set('CA_PEM', `trusting ${String(authority).trim()}`);
  return hosts;
}

/** Takes the secrets out of a configuration and seals them. */
export function sealSecrets(
  keyring: Keyring,
  definition: Sealable,
  storeId: string,
  given: Configuration,
): { readonly configuration: Configuration; readonly secrets: StoreRecord['secrets'] } {
  const keys = new Set(secretKeys(definition));
  const recipients = recipientsOf(definition, given);
  const secrets: Record<string, SealedSecret> = {};
  for (const key of keys) {
    if (key in given) secrets[key] = keyring.seal(String(given[key]), placeOf(storeId, key, recipients));
  }
  const rest = Object.entries(given).filter(([key]) => !keys.has(key));
  return { configuration: Object.fromEntries(rest), secrets };
}

/** Answers the secrets in clear. Throws an Error where one cannot be opened. */
export function openSecrets(keyring: Keyring, definition: Sealable, store: Sealed): Secrets {
  const recipients = recipientsOf(definition, store.configuration);
  return Object.fromEntries(
    Object.entries(store.secrets).map(([key, sealed]) => [
      key,
      keyring.open(sealed, placeOf(store.id, key, recipients)),
    ]),
  );
}

/** Null where one cannot be opened; an admin must enter it again. */
export function openSecretsOrNull(keyring: Keyring, definition: Sealable, store: Sealed): Secrets | null {
  try {
    return openSecrets(keyring, definition, store);
  } catch {
    return null;
  }
}

/**
 * The configuration as answers and events show it: what the admin gave, in the order of the specs, with secrets
 * masked.
 */
export function maskedConfiguration(definition: Sealable, store: Sealed): Configuration {
  const shown: Configuration = {
    ...store.configuration,
    ...Object.fromEntries(Object.keys(store.secrets).map((key) => [key, MASK])),
  };
  const known = definition.settings.filter((spec) => spec.key in shown);
  return Object.fromEntries(known.map(({ key }) => [key, shown[key] as Configuration[string]]));
}

function placeOf(storeId: string, key: string, recipients: ReadonlyMap<string, string>): readonly string[] {
  return ['store', storeId, key, ...recipients.values()];
}

/**
 * Seals again with the ring's first key what an older key sealed, so that the older key can go. The canary comes
 * last. Goes store by store, because other replicas are at work. Answers how many rows it changed.
 */
export async function resealSecrets(
  db: Knex,
  keyring: Keyring,
  registry: Registry,
  sources: Sources,
): Promise<number> {
  const outdated = await storesSealedOtherwise(db, keyring.sealingKeyId);
  for (const { id, type } of outdated) {
    const definition = registry.get(type);
    if (!definition) throw new Error(`there is no connector for stores of type ${type}`);
    await db.transaction(async (tx) => {
      const store = await lockStore(tx, id);
      if (!store) return;
      const given = { ...store.configuration, ...openSecrets(keyring, definition, store) };
      await writeSecrets(tx, id, sealSecrets(keyring, definition, id, given).secrets);
    });
  }
  const pulled = await pulledSealedOtherwise(db, keyring.sealingKeyId);
  for (const { id, type } of pulled) {
    const definition = sources.get(type);
    if (!definition) throw new Error(`there is no source for connections of strategy ${type}`);
    await db.transaction(async (tx) => {
      const record = await lockPulled(tx, id);
      if (!record) return;
      const given = { ...record.configuration, ...openSecrets(keyring, definition, record) };
      await updatePulled(tx, { ...record, secrets: sealSecrets(keyring, definition, id, given).secrets });
    });
  }
  await resealIdentifierKey(db, keyring);
  await resealCanary(db, keyring);
  return outdated.length + pulled.length;
}
