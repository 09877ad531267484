/** The directories that this release can pull. A new one is a folder next to this file, and one line here. */

import type { PulledStrategy } from '../model/pull/pull.ts';
import { demoSource } from './demo/index.ts';
import { googleSource } from './google/index.ts';
import { ldapSource } from './ldap/index.ts';
import { oktaApiSource } from './okta/index.ts';
import type { SourceDefinition } from './source.ts';

export interface Sources {
  /** In the order in which people are shown them. */
  readonly strategies: readonly PulledStrategy[];
  get(strategy: string): SourceDefinition | null;
}

export const SOURCES: readonly SourceDefinition[] = [oktaApiSource, googleSource, ldapSource, demoSource];

/** A registry of just these. */
export function createSources(definitions: readonly SourceDefinition[]): Sources {
  const byStrategy = new Map<string, SourceDefinition>(definitions.map((one) => [one.strategy, one]));
  return {
    strategies: definitions.map(({ strategy }) => strategy),
    get: (strategy) => byStrategy.get(strategy) ?? null,
  };
}
