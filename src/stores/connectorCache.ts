/**
 * Builds connectors from stored settings, with secrets in clear. Keeps one for each store until its settings change,
 * because a connector's pacing must outlive a task. Logs nothing.
 */

import type { Connector, OpenFetch, StoreTypeDefinition } from '../connectors/connector.ts';
import type { Registry } from '../connectors/registry.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { type Configuration, withDefaults } from '../model/settings.ts';
import type { Clock } from '../support/clock.ts';
import type { Keyring } from '../support/secret.ts';
import { openSecrets } from './storeSecrets.ts';

export interface Connectors {
  /** Throws an Error where a secret cannot be opened: it was sealed with another encryption key. */
  connectorFor(store: StoreRecord): Connector;
  /** For settings that are not saved. `given`: what an admin gave, secrets in clear, without defaults. */
  connect(definition: StoreTypeDefinition, storeId: string, given: Configuration): Connector;
  definitionOf(type: string): StoreTypeDefinition;
}

export interface ConnectorsDeps {
  readonly registry: Registry;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly openFetch: OpenFetch;
}

const CACHED_MAX = 1_000;

export function createConnectors(deps: ConnectorsDeps): Connectors {
  const cached = new Map<string, { readonly version: string; readonly connector: Connector }>();
  const now = monotonic(deps.clock);
  const sleep = (ms: number, signal: AbortSignal) => deps.clock.sleep(ms, signal);

  const definitionOf = (type: string): StoreTypeDefinition => {
    const definition = deps.registry.get(type);
    if (!definition) throw new Error(`there is no connector for stores of type ${type}`);
    return definition;
  };
  const connect = (definition: StoreTypeDefinition, storeId: string, given: Configuration): Connector => {
    const configuration = withDefaults(definition.settings, given);
    const fetch = deps.openFetch(definition.reach, configuration);
    return definition.create({ configuration, now, sleep, fetch, storeId });
  };
  return {
    definitionOf,
    connect,
    connectorFor(store) {
      const known = cached.get(store.id);
      if (known?.version === store.updatedAt) return known.connector;
      const definition = definitionOf(store.type);
      const secrets = openSecrets(deps.keyring, definition, store);
      const connector = connect(definition, store.id, { ...store.configuration, ...secrets });
      if (cached.size >= CACHED_MAX) cached.clear();
      cached.set(store.id, { version: store.updatedAt, connector });
      return connector;
    },
  };
}

/** A clock that never runs backwards, because pacing must survive a wall clock that is set back. */
function monotonic(clock: Clock): () => number {
  let latest = clock.now();
  return () => {
    latest = Math.max(latest, clock.now());
    return latest;
  };
}
