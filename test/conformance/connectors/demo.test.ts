/** The Demo connector passes the suite of all connectors, on both databases. */

import { createDemoType } from '../../../src/connectors/demo/index.ts';
import { demoAccounts } from '../../../src/db/demoAccounts.ts';
import { withDefaults } from '../../../src/model/settings.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { newId } from '../../../src/support/ids.ts';
import { onEachDatabase } from '../../database.ts';
import { describeConnector } from '../connector.ts';
import type { ConnectorWorld } from '../world.ts';

const at = '2026-01-01T00:00:00.000Z';
const ALL = 1000;

const person = (name: string) => ({
  identifier: `${name}@example.com`,
  attributes: {
    userName: name,
    primaryEmail: `${name}@example.com`,
    displayName: `The ${name}`,
    title: 'Engineer',
  },
});

onEachDatabase((open) => {
  let opened: ReturnType<typeof open> | null = null;

  describeConnector('Demo', world, { callsVendor: false });

  async function world(): Promise<ConnectorWorld> {
    opened ??= open();
    const db = await opened;
    const environmentId = newId();
    const storeId = newId();
    await db('environments').insert({
      id: environmentId,
      name: environmentId,
      created_at: at,
      updated_at: at,
    });
    await db('stores').insert({
      id: storeId,
      environment_id: environmentId,
      type: 'Demo',
      name: 'Demo',
      image: '{}',
      managed: false,
      status: 'ACTIVE',
      configuration: '{}',
      secrets: '{}',
      retry_attempts: 0,
      created_at: at,
      updated_at: at,
    });
    const accounts = demoAccounts(db, systemClock);
    const type = createDemoType(accounts);
    const configuration = withDefaults(type.settings, {});
    return {
      connector: type.create({
        configuration,
        now: () => 0,
        sleep: (ms, signal) => systemClock.sleep(ms, signal),
        fetch,
        storeId,
      }),
      impostor: null,
      stranded: null,
      secrets: [],
      person,
      groupName: (name) => name,
      update: { name: 'title', to: 'Pilot' },
      level: null,
      scanCount: 205,
      remote: {
        seedAccount: async (name, state) => {
          const account = await accounts.createAccount(storeId, person(name));
          if (!account) throw new Error(`${name} is there already`);
          await accounts.updateAccount(storeId, account.id, { enabled: state === 'enabled' });
          return account.id;
        },
        seedGroup: async (name) => {
          const group = await accounts.createGroup(storeId, name);
          if (!group) throw new Error(`${name} is there already`);
          return group.id;
        },
        removeAccount: async (id) => void (await accounts.deleteAccount(storeId, id)),
        removeGroup: async (id) => void (await db('demo_groups').where({ id }).delete()),
        account: (id) => accounts.account(storeId, id),
        group: async (id) => {
          const group = await accounts.group(storeId, id);
          if (!group) return null;
          const members = await accounts.members(id, null, ALL);
          return { name: group.name, members: members.map((m) => ({ id: m.accountId, level: null })) };
        },
        accountCount: async () => (await accounts.accounts(storeId, null, ALL)).length,
      },
      faults: null,
      protectedAccount: async () => null,
      close: async () => {},
    };
  }
});
