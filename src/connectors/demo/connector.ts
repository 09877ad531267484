/**
 * The Demo connector: a store without a vendor, whose accounts and groups live in the bridge's own
 * database. It behaves as a well-mannered vendor would, and calls nobody.
 */

import { assemble, type Connector, type ConnectorDeps } from '../connector.ts';
import type { DemoAccounts } from './accounts.ts';
import { STORE } from './errors.ts';
import { demoGroups } from './groups.ts';
import { demoMembers } from './members.ts';
import { DEMO_CAPABILITIES } from './settings.ts';
import { demoUsers } from './users.ts';

export function createDemoConnector(
  accounts: DemoAccounts,
  deps: Pick<ConnectorDeps, 'settings' | 'storeId'>,
): Connector {
  const { storeId } = deps;
  return assemble({
    type: STORE,
    capabilities: DEMO_CAPABILITIES,
    check: async () => ({ status: 'OK', details: [], tenant: { id: storeId, name: STORE }, self: null }),
    user: demoUsers(accounts, deps),
    group: demoGroups(accounts, storeId),
    members: demoMembers(accounts, storeId),
  });
}
