/** What accounts at vendors say of people, as rules and mappings of a store ask for it, on both databases. */

import type { Knex } from 'knex';
import { slackType } from '../../../src/connectors/slack/index.ts';
import { insertConnection } from '../../../src/db/identity/connections.ts';
import { speakingUsers } from '../../../src/db/identity/persons.ts';
import { insertUser } from '../../../src/db/identity/users.ts';
import { dialectOf } from '../../../src/db/open.ts';
import { settleSpeakers, writeIdentities } from '../../../src/db/pull/identities.ts';
import { getStore } from '../../../src/db/stores/stores.ts';
import { commonSettings } from '../../../src/model/commonSettings.ts';
import type { Attributes } from '../../../src/model/desired.ts';
import { withDefaults } from '../../../src/model/settings.ts';
import { loadDesiredUsers, type StoreContext } from '../../../src/stores/desired.ts';
import { peopleInScope, scopeOf } from '../../../src/stores/scope.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, connection, store } from '../directory/tenants.ts';

const PEOPLE = ['ada', 'ben', 'cy'];

onEachDatabase((open) => {
  /** Ada and Ben have accounts; Cy has none. */
  async function opened(accounts: Readonly<Record<string, Attributes>>): Promise<Knex> {
    const db = await open();
    const { connectionId, environmentId } = (await connection(db))('/Users');
    for (const id of PEOPLE) {
      await db('persons').insert({ id, environment_id: environmentId, created_at: AT });
      const resource = { userName: id, title: 'from the directory' };
      await insertUser(db, { id, environmentId, connectionId, personId: id, resource, createdAt: AT });
    }
    await insertConnection(db, {
      ...{
        id: 'c',
        environmentId,
        name: 'Workspace',
        handle: 'slack-2',
        strategy: 'slack',
        isPrimary: false,
      },
      ...{ unknownAttributes: 'Reject', retentionDays: null, metadata: {}, userIdAttribute: 'externalId' },
      ...{ mapping: null, createdAt: AT, updatedAt: AT },
    });
    await writeIdentities(
      db,
      { connectionId: 'c', environmentId },
      Object.entries(accounts).map(([personId, attributes]) => ({
        ...{ vendorId: personId, personId, state: 'active', name: personId, email: null },
        ...{ attributes, matchedBy: 'email', doubt: null },
      })),
      AT,
    );
    await settleSpeakers(db, 'c', PEOPLE);
    return db;
  }

  it.each([
    ['identities.slack-2.title eq "engineer"', ['ada']],
    ['identities.SLACK-2.title eq "ENGINEER"', ['ada']],
    ['identities.slack-2.title ne "Engineer"', ['ben', 'cy']],
    ['not (identities.slack-2.title eq "Engineer")', ['ben', 'cy']],
    ['identities.slack-2.title pr', ['ada']],
    ['identities.slack-2.title eq null', ['ben', 'cy']],
    ['identities.slack-2.title sw "Eng" and userName eq "ada"', ['ada']],
    ['identities.slack-2.city eq "ÅRHUS"', ['ben']],
    ['identities.slack-2.name.given co "d"', ['ada']],
    ['identities.other.title eq "Engineer"', []],
  ])('%s', async (populationExpression, expected) => {
    const db = await opened({
      ada: { title: 'Engineer', 'name.given': 'Ada' },
      ben: { title: '', city: 'Århus' },
    });
    const scope = scopeOf([{ active: true, populationExpression, groups: [] }], dialectOf(db));
    const people = await peopleInScope(db, scope, [...(await speakingUsers(db, PEOPLE)).values()]);
    expect([...people].sort()).toEqual(expected);
  });

  it('feeds an attribute from the account, and leaves it alone where there is none', async () => {
    const db = await opened({ ada: { title: 'Engineer' }, ben: { title: '' } });
    const found = await getStore(db, await store(db, 'default'));
    if (!found) throw new Error('the store is not there');
    const configuration = withDefaults(slackType.settings, { OAUTH_ACCESS_TOKEN: 'xoxp-1' });
    const nobody = () => Promise.reject(new Error('nobody is asked'));
    const connector = slackType.create({
      ...{ configuration, storeId: found.id, fetch: nobody, now: () => 0, sleep: nobody },
    });
    const context: StoreContext = {
      ...{ store: found, connector, definition: slackType, settings: commonSettings(configuration) },
      ...{ scope: scopeOf([], dialectOf(db)), groupMappings: [], deletionTime: (now) => now },
      resourceOf: ({ resource }) => resource,
      mapping: [{ targetAttribute: 'title', sourceAttribute: 'identities.slack-2.title' }],
    };
    const desired = await loadDesiredUsers(db, context, PEOPLE);
    expect(desired.map(({ attributes }) => attributes)).toEqual([{ title: 'Engineer' }, { title: '' }, {}]);
  });
});
