/** Reads the accounts of a workspace or instance with the connector of its store type. They only add to people. */

import type { StoreTypeDefinition } from '../../connectors/connector.ts';
import type { SourceDefinition } from '../source.ts';
import { type AccountsKind, accountSpecs, refuseAccounts } from './settings.ts';
import { createAccountsSource } from './source.ts';

export function accountsSource(kind: AccountsKind, type: StoreTypeDefinition): SourceDefinition {
  const { strategy, vendor, storeType, vendorNames } = kind;
  return {
    ...{ strategy, vendor, storeType, vendorNames, enriches: true },
    settings: accountSpecs(kind, type),
    refuse: (configuration) => refuseAccounts(kind, type, configuration),
    scopeKeys: [],
    hostKeys: type.hostKeys,
    reach: type.reach,
    defaultMapping: [],
    manager: null,
    create: (deps) => createAccountsSource(kind, type, deps),
  };
}
