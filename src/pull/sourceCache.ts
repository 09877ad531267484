/**
 * Builds sources from stored settings and decrypted secrets. It keeps one source for each connection until the
 * settings change, because the source's pace must outlive a run. Logs nothing.
 */

import type { OpenFetch } from '../connectors/connector.ts';
import type { PulledRecord } from '../db/pull/connections.ts';
import type { Trial } from '../db/pull/runs.ts';
import { type Configuration, withDefaults } from '../model/settings.ts';
import type { Sources } from '../sources/registry.ts';
import type { Source, SourceDefinition, SourceDeps } from '../sources/source.ts';
import { openSecrets } from '../stores/storeSecrets.ts';
import type { Clock } from '../support/clock.ts';
import type { Keyring } from '../support/secret.ts';

export interface SourceCache {
  definitionOf(strategy: string): SourceDefinition;
  /** Throws an Error where a secret cannot be decrypted: it was sealed with another encryption key. */
  sourceFor(record: PulledRecord): Source;
  /** A source with settings that are not saved yet. */
  sourceOnTrial(record: PulledRecord, trial: Pick<Trial, 'configuration' | 'secrets'>): Source;
}

export interface SourceCacheDeps {
  readonly sources: Sources;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly openFetch: OpenFetch;
  readonly addressOf: (reach: SourceDefinition['reach']) => SourceDeps['addressOf'];
}

const CACHED_MAX = 1_000;

export function createSourceCache({
  sources,
  keyring,
  clock,
  openFetch,
  addressOf,
}: SourceCacheDeps): SourceCache {
  const cached = new Map<string, { readonly version: string; readonly source: Source }>();
  const monotonic = clock.monotonic ?? (() => clock.now());

  const definitionOf = (strategy: string): SourceDefinition => {
    const definition = sources.get(strategy);
    if (!definition) throw new Error(`there is no source for connections of strategy ${strategy}`);
    return definition;
  };
  const build = ({ id, type }: PulledRecord, given: Configuration): Source => {
    const definition = definitionOf(type);
    const configuration = withDefaults(definition.settings, given);
    return definition.create({
      connectionId: id,
      configuration,
      now: () => monotonic(),
      wallClock: () => clock.now(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
      fetch: openFetch(definition.reach, configuration),
      addressOf: addressOf(definition.reach),
    });
  };
  const sourceOnTrial: SourceCache['sourceOnTrial'] = (record, { configuration, secrets }) => {
    const sealed = { id: record.id, configuration, secrets };
    return build(record, { ...configuration, ...openSecrets(keyring, definitionOf(record.type), sealed) });
  };
  return {
    definitionOf,
    sourceOnTrial,
    sourceFor(record) {
      const known = cached.get(record.id);
      const version = JSON.stringify([record.configuration, record.secrets]);
      if (known?.version === version) return known.source;
      const source = sourceOnTrial(record, record);
      if (cached.size >= CACHED_MAX) cached.clear();
      cached.set(record.id, { version, source });
      return source;
    },
  };
}
