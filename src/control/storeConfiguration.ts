/**
 * Reads the `configuration` of a request. It names every mistake and replaces masks with the stored secrets. A mask
 * never stands for a secret that was entered for another host.
 */

import type { StoreTypeDefinition } from '../connectors/connector.ts';
import type { Registry } from '../connectors/registry.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { refuseContradictions } from '../model/commonSettings.ts';
import { parseConfiguration } from '../model/configuration.ts';
import { type Mistake, RequestError } from '../model/errors.ts';
import { type Configuration, MASK, withDefaults } from '../model/settings.ts';
import { openSecretsOrNull, recipientsOf, type Sealable, secretKeys } from '../stores/storeSecrets.ts';
import type { Keyring } from '../support/secret.ts';

/** Throws a 400 that names the existing types. */
export function definitionOf(registry: Registry, type: string): StoreTypeDefinition {
  const definition = registry.get(type);
  if (definition) return definition;
  const detail = typeMistake(registry, type);
  throw new RequestError(400, detail, [{ pointer: '/type', detail }]);
}

function typeMistake(registry: Registry, type: string): string {
  const allowed = `type must be one of ${registry.types.join(', ')}`;
  return registry.notYet(type) ?? allowed;
}

/** A thing with a configuration: a store type, or a kind of pulled directory. */
export interface Configurable extends Sealable {
  refuse?(configuration: Configuration): readonly { readonly key: string; readonly detail: string }[];
}

type Saved = Pick<StoreRecord, 'id' | 'configuration' | 'secrets'>;

export interface ReadConfiguration {
  /** Only valid values: secrets in clear, no defaults. */
  readonly given: Configuration;
  readonly mistakes: readonly Mistake[];
}

/** The configuration of a new store, or of settings that an admin only tries: every secret must be there. */
export function readNewConfiguration(definition: Configurable, input: unknown): ReadConfiguration {
  const { given, mistakes } = parseConfiguration(definition.settings, input);
  const masked = secretKeys(definition).filter((key) => given[key] === MASK);
  return refused(definition, without(given, masked), [
    ...mistakes,
    ...masked.map((key) => mistake(key, `${key} is the mask that answers show; enter the secret itself`)),
  ]);
}

/** The mistakes in type and configuration of a body that the schema has refused already. */
export function mistakesOfNewStore(registry: Registry, body: object): readonly Mistake[] {
  const { type, configuration } = body as { readonly type?: unknown; readonly configuration?: unknown };
  if (typeof type !== 'string') return [];
  const definition = registry.get(type);
  if (!definition) return [{ pointer: '/type', detail: typeMistake(registry, type) }];
  return isObject(configuration) ? readNewConfiguration(definition, configuration).mistakes : [];
}

/** The same for a replacement. */
export function mistakesOfReplacedStore(
  { registry, keyring }: { readonly registry: Registry; readonly keyring: Keyring },
  store: StoreRecord,
  body: object,
): readonly Mistake[] {
  const { configuration } = body as { readonly configuration?: unknown };
  const definition = registry.get(store.type);
  if (!definition || !isObject(configuration)) return [];
  return readReplacedConfiguration(keyring, definition, store, configuration).mistakes;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The configuration of a saved store: a mask stands for the stored secret, if it goes to the same host. */
export function readReplacedConfiguration(
  keyring: Keyring,
  definition: Configurable,
  store: Saved,
  input: unknown,
): ReadConfiguration {
  const { given, mistakes } = parseConfiguration(definition.settings, input);
  const masked = secretKeys(definition).filter((key) => given[key] === MASK);
  if (masked.length === 0) return refused(definition, given, mistakes);
  const moved = keysMoved(definition, store.configuration, given);
  const stored = moved.length > 0 ? {} : (openSecretsOrNull(keyring, definition, store) ?? {});
  const lacking = masked.filter((key) => !(key in stored));
  const kept = masked.filter((key) => !lacking.includes(key));
  const secrets = Object.fromEntries(kept.map((key) => [key, stored[key] as string]));
  return refused(definition, { ...without(given, lacking), ...secrets }, [
    ...mistakes,
    ...lacking.map((key) => mistake(key, enterAgain(key, moved))),
  ]);
}

function enterAgain(key: string, moved: readonly string[]): string {
  return moved.length === 0
    ? `${key} has no stored secret that the mask could stand for, or it cannot be opened any more; enter it`
    : `${key} must be entered again, because ${moved.join(' and ')} leads elsewhere: a stored secret goes only where it was entered for`;
}

function keysMoved(definition: Configurable, before: Configuration, after: Configuration): readonly string[] {
  const from = recipientsOf(definition, before);
  const to = recipientsOf(definition, after);
  return [...to.keys()].filter((key) => from.get(key) !== to.get(key));
}

/**
 * Adds mistakes that involve several keys. The store's type judges only keys that are valid by themselves, with the
 * defaults.
 */
function refused(
  definition: Configurable,
  given: Configuration,
  mistakes: readonly Mistake[],
): ReadConfiguration {
  const effective = withDefaults(definition.settings, given);
  const refusals = [...refuseContradictions(effective), ...(definition.refuse?.(effective) ?? [])];
  const found = refusals.map(({ key, detail }) => mistake(key, detail));
  const known = new Set(mistakes.map(({ pointer }) => pointer));
  return { given, mistakes: [...mistakes, ...found.filter(({ pointer }) => !known.has(pointer))] };
}

function mistake(key: string, detail: string): Mistake {
  return { pointer: `/configuration/${key}`, detail };
}

function without(given: Configuration, keys: readonly string[]): Configuration {
  return Object.fromEntries(Object.entries(given).filter(([key]) => !keys.includes(key)));
}

/** Throws a 400 that counts and lists the mistakes, if there are any. */
export function refuseMistakes(mistakes: readonly Mistake[]): void {
  if (mistakes.length === 0) return;
  const n = mistakes.length;
  throw new RequestError(
    400,
    `The store was not saved: ${n === 1 ? 'there is a mistake' : `there are ${n} mistakes`} in the request; see errors.`,
    mistakes,
  );
}
