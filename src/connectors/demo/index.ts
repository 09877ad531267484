/** The store type `Demo`, as the registry lists it. */

import type { OwnAccounts, StoreTypeDefinition } from '../connector.ts';
import type { DemoAccounts } from './accounts.ts';
import { createDemoConnector } from './connector.ts';
import { STORE } from './errors.ts';
import { DEMO_ATTRIBUTES, DEMO_CAPABILITIES, DEMO_DEFAULT_MAPPING, DEMO_SPECS } from './settings.ts';

export type { DemoAccounts } from './accounts.ts';

export function createDemoType(accounts: DemoAccounts): StoreTypeDefinition {
  return {
    type: STORE,
    settings: DEMO_SPECS,
    capabilities: DEMO_CAPABILITIES,
    userAttributes: DEMO_ATTRIBUTES,
    defaultMapping: DEMO_DEFAULT_MAPPING,
    identifierAttributes: { primaryEmail: 'primaryEmail', userName: 'userName' },
    reach: 'public',
    hostKeys: [],
    ownAccounts: shown(accounts),
    create: (deps) => createDemoConnector(accounts, deps),
  };
}

function shown(accounts: DemoAccounts): OwnAccounts {
  return {
    count: accounts.countAccounts,
    async list(storeId, afterId, limit) {
      const found = await accounts.accounts(storeId, afterId, limit);
      const groups = await accounts.groupsOf(found.map((account) => account.id));
      return found.map(({ id, identifierLower, enabled, attributes }) => ({
        id,
        identifier: identifierLower,
        enabled,
        attributes,
        groups: groups.get(id) ?? [],
      }));
    },
  };
}
