/** The store types of this release. A new one is a folder next to this file, and one line here. */

import type { StoreTypeDefinition } from './connector.ts';
import { createDemoType, type DemoAccounts } from './demo/index.ts';
import { gitLabSelfManagedType } from './gitlab/index.ts';
import { slackType } from './slack/index.ts';

export interface Registry {
  /** In the order in which people see them. */
  readonly types: readonly string[];
  get(type: string): StoreTypeDefinition | null;
  /** Why a documented type is not available yet, as a sentence; null for any other. */
  notYet(type: string): string | null;
}

/** `demoAccounts` keeps the accounts of stores that have no vendor. */
export function storeTypes(demoAccounts: DemoAccounts): readonly StoreTypeDefinition[] {
  return [createDemoType(demoAccounts), slackType, gitLabSelfManagedType];
}

/** Documented, but part of a later release. */
const COMING = ['GitLabSaaS', 'Scim'];

/** A registry with just these types. */
export function createRegistry(definitions: readonly StoreTypeDefinition[]): Registry {
  const byType = new Map(definitions.map((definition) => [definition.type, definition]));
  return {
    types: definitions.map((definition) => definition.type),
    get: (type) => byType.get(type) ?? null,
    notYet: (type) =>
      COMING.includes(type) && !byType.has(type) ? `Stores of type ${type} come with a later release.` : null,
  };
}
