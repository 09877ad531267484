/** What is the Demo store's own: its database, and what happens when that fails. */

import { createDemoType } from '../../../src/connectors/demo/index.ts';
import { demoAccounts } from '../../../src/db/demoAccounts.ts';
import type { Db } from '../../../src/db/open.ts';
import { parseConfiguration } from '../../../src/model/configuration.ts';
import { withDefaults } from '../../../src/model/settings.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { callContext, membership, onAccount, remoteErrorOf } from '../../conformance/world.ts';
import { onEachDatabase } from '../../database.ts';

const at = '2026-01-01T00:00:00.000Z';

async function seedStores(db: Db, ...ids: string[]) {
  await db('environments').insert({ id: 'e', name: 'e', created_at: at, updated_at: at });
  for (const id of ids) {
    await db('stores').insert({
      id,
      environment_id: 'e',
      type: 'Demo',
      name: id,
      image: '{}',
      managed: false,
      status: 'ACTIVE',
      configuration: '{}',
      secrets: '{}',
      retry_attempts: 0,
      created_at: at,
      updated_at: at,
    });
  }
}

function connect(db: Db, storeId: string) {
  const type = createDemoType(demoAccounts(db, systemClock));
  const configuration = withDefaults(type.settings, {});
  return type.create({
    configuration,
    now: () => 0,
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    fetch,
    storeId,
  });
}

const subject = { kind: 'user', id: 'person', display: 'jane' } as const;

const creation = (email: string) =>
  ({
    op: 'create',
    subject,
    identifier: email,
    attributes: { primaryEmail: email, title: 'Pilot' },
  }) as const;

const newAddress = (remoteId: string, to: string) =>
  ({ op: 'update', subject, remoteId, attributes: [{ name: 'primaryEmail', from: null, to }] }) as const;

onEachDatabase((open) => {
  it('keeps the accounts and groups of two stores apart', async () => {
    const db = await open();
    await seedStores(db, 'one', 'two');
    const one = connect(db, 'one');
    const two = connect(db, 'two');
    const { remoteId } = await one.apply(creation('jane@example.com'), callContext());
    expect(await two.find('user', 'jane@example.com', callContext())).toBeNull();
    expect(await two.read('user', remoteId, callContext())).toBeNull();
    expect(await two.apply(onAccount('delete', remoteId), callContext())).toMatchObject({
      outcome: 'gone',
    });
    expect(await one.read('user', remoteId, callContext())).not.toBeNull();
    const theirs = await demoAccounts(db, systemClock).createGroup('two', 'pilots');
    const granted = await two.applyMembers(
      [membership('grant', theirs?.id ?? '', remoteId, null)],
      callContext(),
    );
    expect(granted).toMatchObject([{ outcome: 'refused' }]);
  });

  it('finds an account under its new address, and refuses one that is taken', async () => {
    const db = await open();
    await seedStores(db, 'one');
    const connector = connect(db, 'one');
    const jane = await connector.apply(creation('jane@example.com'), callContext());
    await connector.apply(creation('john@example.com'), callContext());
    await connector.apply(newAddress(jane.remoteId, 'Jane.Doe@example.com'), callContext());
    expect(await connector.find('user', 'jane.doe@example.com', callContext())).toMatchObject({
      remoteId: jane.remoteId,
      identifier: 'Jane.Doe@example.com',
      attributes: { primaryEmail: 'Jane.Doe@example.com', title: 'Pilot' },
    });
    expect(await connector.find('user', 'jane@example.com', callContext())).toBeNull();
    const taking = newAddress(jane.remoteId, 'john@example.com');
    const attributes = [...taking.attributes, { name: 'title', from: 'Pilot', to: 'Captain' }];
    const notAccepted = [{ attribute: 'primaryEmail', taken: true }];
    expect(await connector.apply({ ...taking, attributes }, callContext())).toMatchObject({ notAccepted });
    expect(await connector.read('user', jane.remoteId, callContext())).toMatchObject({
      attributes: { primaryEmail: 'Jane.Doe@example.com', title: 'Captain' },
    });
  });

  it('names a failing database as what it is, and does not know what became of a write', async () => {
    const db = await open();
    await seedStores(db, 'one');
    const connector = connect(db, 'one');
    await db.schema.dropTable('demo_members');
    await db.schema.dropTable('demo_accounts');
    const reading = await remoteErrorOf(connector.find('user', 'jane@example.com', callContext()));
    expect(reading).toMatchObject({ disposition: 'transient', code: 'database' });
    const writing = await remoteErrorOf(connector.apply(creation('jane@example.com'), callContext()));
    expect(writing).toMatchObject({ disposition: 'unknownOutcome', code: 'database' });
  });
});

it('has nothing to configure', () => {
  const type = createDemoType({} as Parameters<typeof createDemoType>[0]);
  expect(parseConfiguration(type.settings, {}).mistakes).toEqual([]);
  expect(type.settings.some((spec) => spec.required || spec.secret)).toBe(false);
});
