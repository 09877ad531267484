/** The store types that this release knows. A new one is a folder next to this file, and one line here. */

import { STORE_TYPES, type StoreType } from '../model/settings.ts';
import type { StoreTypeDefinition } from './connector.ts';
import { createDemoType, type DemoAccounts } from './demo/index.ts';
import { gitLabSelfManagedType } from './gitlab/index.ts';
import { slackType } from './slack/index.ts';

export interface Registry {
  /** In the order in which people are shown them. */
  readonly types: readonly StoreType[];
  get(type: string): StoreTypeDefinition | null;
  /** Why a documented type cannot be had yet, as a sentence; null for any other. */
  notYet(type: string): string | null;
}

export interface RegistryDeps {
  /** Where `Demo` stores keep their accounts. */
  readonly demoAccounts: DemoAccounts;
}

export function createRegistry({ demoAccounts }: RegistryDeps): Registry {
  return registryOf([createDemoType(demoAccounts), slackType, gitLabSelfManagedType]);
}

/** A registry of just these types. */
export function registryOf(definitions: readonly StoreTypeDefinition[]): Registry {
  const byType = new Map<string, StoreTypeDefinition>(definitions.map((d) => [d.type, d]));
  return {
    types: definitions.map((definition) => definition.type),
    get: (type) => byType.get(type) ?? null,
    notYet: (type) => {
      const documented = STORE_TYPES.some((known) => known === type);
      return documented && !byType.has(type) ? `Stores of type ${type} come with a later release.` : null;
    },
  };
}
