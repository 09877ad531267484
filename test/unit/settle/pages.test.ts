/** A page of a store's plan costs what it holds: not one statement or row more where the directory is larger. */

import type { Knex } from 'knex';
import { createRegistry, storeTypes } from '../../../src/connectors/registry.ts';
import { demoAccounts } from '../../../src/db/demoAccounts.ts';
import { insertConnection } from '../../../src/db/identity/connections.ts';
import { insertGroup } from '../../../src/db/identity/groups.ts';
import { replaceMappings } from '../../../src/db/stores/mappings.ts';
import { getStore, type StoreRecord, updateStore } from '../../../src/db/stores/stores.ts';
import { byRecords } from '../../../src/settle/people/look.ts';
import { planGroupsPage } from '../../../src/settle/storePlan.ts';
import { createConnectors } from '../../../src/stores/connectorCache.ts';
import { createContextCache } from '../../../src/stores/context.ts';
import { createDeletionClock } from '../../../src/stores/deletionClock.ts';
import type { StoreContext } from '../../../src/stores/desired.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { generateKey, parseKeyring } from '../../../src/support/secret.ts';
import { onEachDatabase } from '../../database.ts';
import { openToLoopback } from '../../outbound.ts';
import { AT, withStore } from '../db/store.ts';

const PAGE = 20;

onEachDatabase((open) => {
  let db: Knex;
  let context: StoreContext;
  beforeAll(async () => {
    db = await withStore(open);
    for (const id of ['one', 'other']) {
      await insertConnection(db, {
        ...{ id, environmentId: 'e', name: id, handle: id, strategy: 'scim', isPrimary: id === 'one' },
        ...{ unknownAttributes: 'Reject', retentionDays: null, metadata: {}, userIdAttribute: 'userName' },
        ...{ mapping: null, createdAt: AT, updatedAt: AT },
      });
    }
    const store = (await getStore(db, 's')) as StoreRecord;
    await updateStore(db, { ...store, configuration: { GROUP_PROVISIONING: 'Create' } });
    await replaceMappings(db, 's', {
      attributes: [],
      groups: [
        { original: 'Chefs', externalId: null, translation: 'Group 2', accessLevel: null },
        { original: null, externalId: 'x-bakers', translation: 'group 3 ', accessLevel: null },
      ],
    });
    const deletions = createDeletionClock({ db, clock: systemClock });
    await deletions.begin();
    const registry = createRegistry(storeTypes(demoAccounts(db, systemClock)));
    const keyring = parseKeyring(generateKey());
    const connectors = createConnectors({ registry, keyring, clock: systemClock, openFetch: openToLoopback });
    context = await createContextCache(db, connectors, deletions)((await getStore(db, 's')) as StoreRecord);
  });

  const addGroup = (id: string, displayName: string, connectionId = 'one', externalId?: string) =>
    insertGroup(db, {
      ...{ id, connectionId, environmentId: 'e', createdAt: AT },
      resource: { displayName, ...(externalId === undefined ? {} : { externalId }) },
    });

  const plan = async () => {
    const cost = { statements: 0, rows: 0 };
    const count = (answer: unknown) => {
      cost.statements += 1;
      cost.rows += Array.isArray(answer) ? answer.length : 0;
    };
    db.on('query-response', count);
    const planning = { db, context, now: () => AT };
    const how = { people: byRecords(planning), members: null, named: null, withComing: true };
    const { groups } = await planGroupsPage(planning, how, null);
    db.removeListener('query-response', count);
    return { cost, groups };
  };

  const crowd = async (from: number, to: number) => {
    for (let n = from; n < to; n++) await addGroup(`h${String(n).padStart(4, '0')}`, `Group ${n + PAGE}`);
  };

  it('groups that nothing links yet, each with all that will feed its remote group', async () => {
    for (let n = 0; n < PAGE; n++) await addGroup(`g${String(n).padStart(2, '0')}`, `Group ${n}`);
    await addGroup('x1', ' GROUP 1', 'other');
    await addGroup('x2', 'chefs', 'other');
    await addGroup('x3', 'Bakers', 'other', 'x-bakers');
    await crowd(0, 10);
    const few = await plan();
    const fed = few.groups.filter(({ facts }) => facts.feeding.length > 1);
    expect(fed.map(({ facts }) => facts.feeding.map(({ groupId }) => groupId).sort())).toEqual([
      ['g01', 'x1'],
      ['g02', 'x2'],
      ['g03', 'x3'],
    ]);
    await crowd(10, 400);
    const many = await plan();
    expect(many.groups.map(({ facts }) => facts.desired.id)).toEqual(
      few.groups.map(({ facts }) => facts.desired.id),
    );
    expect(many.cost).toEqual(few.cost);
  });
});
