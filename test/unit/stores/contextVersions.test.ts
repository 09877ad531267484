/** What a store context is made of is read again, in whatever process, once anything of it has changed. */

import type { Knex } from 'knex';
import { createRegistry, storeTypes } from '../../../src/connectors/registry.ts';
import { demoAccounts } from '../../../src/db/demoAccounts.ts';
import { getConnection, insertConnection, updateConnection } from '../../../src/db/identity/connections.ts';
import { replaceMappings } from '../../../src/db/stores/mappings.ts';
import { deleteRule, insertRule, type RuleRecord, updateRule } from '../../../src/db/stores/rules.ts';
import { getStore, type StoreRecord, updateStore } from '../../../src/db/stores/stores.ts';
import { createConnectors } from '../../../src/stores/connectorCache.ts';
import { createContextCache } from '../../../src/stores/context.ts';
import { createDeletionClock } from '../../../src/stores/deletionClock.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { generateKey, parseKeyring } from '../../../src/support/secret.ts';
import { onEachDatabase } from '../../database.ts';
import { openToLoopback } from '../../outbound.ts';
import { AT, withStore } from '../db/store.ts';

const rule: RuleRecord = {
  id: 'r',
  environmentId: 'e',
  storeId: 's',
  name: 'Cooks',
  active: true,
  populationExpression: 'title eq "Cook"',
  groups: [],
  createdAt: AT,
  updatedAt: AT,
};

onEachDatabase((open) => {
  let db: Knex;
  let statements: number;
  beforeAll(async () => {
    db = await withStore(open);
    await insertConnection(db, {
      id: 'c',
      environmentId: 'e',
      name: 'IdP',
      handle: 'idp',
      strategy: 'scim',
      isPrimary: true,
      unknownAttributes: 'Reject',
      retentionDays: null,
      metadata: {},
      userIdAttribute: 'userName',
      mapping: null,
      createdAt: AT,
      updatedAt: AT,
    });
    db.on('query', () => {
      statements += 1;
    });
  });

  const store = async () => (await getStore(db, 's')) as StoreRecord;

  const CHANGES: readonly (readonly [string, () => Promise<void>])[] = [
    ['settings', async () => updateStore(db, { ...(await store()), configuration: { CREATE_USERS: false } })],
    ['a new rule', () => insertRule(db, rule)],
    ['another rule', () => updateRule(db, { ...rule, active: false })],
    ['a rule less', () => deleteRule(db, rule)],
    [
      'mappings',
      () =>
        replaceMappings(db, 's', {
          attributes: [{ targetAttribute: 'title', sourceAttribute: null }],
          groups: [],
        }),
    ],
    [
      "a connection's mapping",
      async () => {
        const connection = await getConnection(db, 'e', 'c');
        if (connection)
          await updateConnection(db, { ...connection, mapping: [{ attribute: 'title', scim: 'nickName' }] });
      },
    ],
  ];

  it.each(CHANGES)('reads again after a change of %s, and not before', async (_, change) => {
    const registry = createRegistry(storeTypes(demoAccounts(db, systemClock)));
    const keyring = parseKeyring(generateKey());
    const connectors = createConnectors({ registry, keyring, clock: systemClock, openFetch: openToLoopback });
    // Two processes, each with what it read.
    const deletions = createDeletionClock({ db, clock: systemClock });
    await deletions.begin();
    const [here, there] = [1, 2].map(() => createContextCache(db, connectors, deletions)) as [
      ReturnType<typeof createContextCache>,
      ReturnType<typeof createContextCache>,
    ];
    const before = await here(await store());
    await there(await store());
    const statementsOf = async (contextOf: typeof here) => {
      statements = 0;
      await contextOf(await store());
      return statements;
    };
    expect(await statementsOf(here)).toBe(1);
    await change();
    expect(await statementsOf(here)).toBeGreaterThan(1);
    expect(await statementsOf(there)).toBeGreaterThan(1);
    expect((await here(await store())).store.contextVersion).toBeGreaterThan(before.store.contextVersion);
    expect(await statementsOf(here)).toBe(1);
  });
});
