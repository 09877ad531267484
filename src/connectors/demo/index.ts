/** The store type `Demo`, as the registry lists it. */

import type { StoreTypeDefinition } from '../connector.ts';
import type { DemoAccounts } from './accounts.ts';
import { createDemoConnector } from './connector.ts';
import { DEMO_ATTRIBUTES, DEMO_CAPABILITIES, DEMO_DEFAULT_MAPPING, DEMO_SPECS } from './settings.ts';

export type { DemoAccounts } from './accounts.ts';

export function createDemoType(accounts: DemoAccounts): StoreTypeDefinition {
  return {
    type: 'Demo',
    settings: DEMO_SPECS,
    capabilities: DEMO_CAPABILITIES,
    userAttributes: DEMO_ATTRIBUTES,
    defaultMapping: DEMO_DEFAULT_MAPPING,
    identifierAttributes: { primaryEmail: 'primaryEmail', userName: 'userName' },
    hostKeys: [],
    create: (deps) => createDemoConnector(accounts, deps),
  };
}
