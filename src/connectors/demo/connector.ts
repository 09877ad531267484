/**
 * The Demo connector: a store without a vendor. Its accounts and groups are in the bridge's own database, and it
 * calls nobody. It behaves like a vendor that follows its documentation.
 */

import { settingsOf } from '../../model/settings.ts';
import { assemble } from '../assemble.ts';
import type { Connector, ConnectorDeps } from '../connector.ts';
import type { DemoAccounts } from './accounts.ts';
import { STORE } from './errors.ts';
import { demoGroups } from './groups.ts';
import { demoMembers } from './members.ts';
import { DEMO_CAPABILITIES, DEMO_SPECS } from './settings.ts';
import { demoUsers } from './users.ts';

export function createDemoConnector(
  accounts: DemoAccounts,
  { configuration, storeId }: Pick<ConnectorDeps, 'configuration' | 'storeId'>,
): Connector {
  const { uniqueUserIdentifier } = settingsOf(DEMO_SPECS, configuration);
  return assemble({
    type: STORE,
    capabilities: DEMO_CAPABILITIES,
    check: async () => ({ status: 'OK', details: [], tenant: { id: storeId, name: STORE }, self: null }),
    user: demoUsers(accounts, storeId, uniqueUserIdentifier),
    group: demoGroups(accounts, storeId),
    members: demoMembers(accounts, storeId),
  });
}
