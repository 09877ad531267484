/** Who leads whom by the ids that identity providers sent, and who among them has an account. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { insertUser, softDeleteUser } from '../../../src/db/identity/users.ts';
import { migrate } from '../../../src/db/migrations.ts';
import { openDatabase, parseDatabaseUrl } from '../../../src/db/open.ts';
import { managersOf, reportsOf, usersWhoLead } from '../../../src/db/people/managers.ts';
import { enqueueTask, PRIORITY } from '../../../src/db/queue/enqueue.ts';
import { insertLink } from '../../../src/db/seen/links.ts';
import { ENTERPRISE_URN } from '../../../src/model/source.ts';
import { newId } from '../../../src/support/ids.ts';
import { emptyDatabaseUrl, onEachDatabase } from '../../database.ts';
import { AT, connection, store } from '../directory/tenants.ts';

const environmentId = 'default';

async function company(db: Knex) {
  const { connectionId } = (await connection(db))('/Users');
  const other = (await connection(db, environmentId, false))('/Users').connectionId;
  const storeId = await store(db, environmentId);
  const ids = new Map<string, string>();
  const idOf = (name: string) => {
    const id = ids.get(name) ?? newId();
    ids.set(name, id);
    return id;
  };
  const hire = (name: string, manager: string | null, owner = connectionId) => {
    const resource = {
      userName: name,
      ...(manager ? { [ENTERPRISE_URN]: { manager: { value: manager } } } : {}),
    };
    const user = { id: idOf(name), personId: name, isNewPerson: true, resource, createdAt: AT };
    return insertUser(db, { ...user, environmentId, connectionId: owner });
  };
  const link = (name: string, state: 'enabled' | 'disabled', applied = {}) =>
    insertLink(
      db,
      {
        ...{ environmentId, storeId, subject: { kind: 'user', id: name }, remoteId: `U-${name}` },
        ...{ remoteName: name, origin: 'created', state, applied },
      },
      AT,
    );
  const leads = async (...names: readonly string[]) => {
    const found = await managersOf(db, storeId, names.map(idOf));
    return names.map((name) => {
      const manager = found.get(idOf(name));
      return manager ? [manager.user.userName, manager.remoteId] : null;
    });
  };
  return { storeId, other, idOf, hire, link, leads };
}

onEachDatabase((open) => {
  it('finds the live user of the same connection with that id, and the account', async () => {
    const db = await open();
    const { other, idOf, hire, link, leads } = await company(db);
    const gone = await hire('gone', null);
    await softDeleteUser(db, gone, AT);
    await hire('ann', null);
    await hire('bob', null);
    await hire('far', null, other);
    await link('ann', 'enabled');
    await link('bob', 'disabled');
    for (const manager of ['ann', 'bob', 'far', 'gone', 'nobody']) await hire(`of ${manager}`, idOf(manager));
    await hire('by name', 'ann');
    expect(await leads('of ann', 'of bob', 'of far', 'of gone', 'of nobody', 'by name', 'ann')).toEqual([
      ['ann', 'U-ann'],
      ['bob', null],
      ...[null, null, null, null, null],
    ]);
  });

  it('finds nobody for those in a loop, however long, and somebody for those below it', async () => {
    const db = await open();
    const { idOf, hire, leads } = await company(db);
    const chain = Array.from({ length: 12 }, (_, n) => `p${n}`);
    for (const [n, name] of chain.entries()) await hire(name, idOf(chain[(n + 1) % chain.length] ?? ''));
    await hire('below', idOf('p3'));
    await hire('self', idOf('self'));
    expect(await leads(...chain, 'self')).toEqual([...chain, 'self'].map(() => null));
    expect(await leads('below')).toEqual([['p3', null]]);
  });

  it('lists reports with an account, and those who may be about to get one', async () => {
    const db = await open();
    const { storeId, idOf, hire, link } = await company(db);
    for (const name of ['ann', 'with', 'shut', 'coming', 'without'])
      await hire(name, name === 'ann' ? null : idOf('ann'));
    await link('with', 'enabled', { manager: 'U-ann' });
    await link('shut', 'disabled', { manager: 'U-ann' });
    const subject = { kind: 'user', id: 'coming' } as const;
    const task = { environmentId, subject, priority: PRIORITY.normal, correlationIds: [], at: AT };
    await enqueueTask(db, storeId, task);
    const [lead, ...others] = await usersWhoLead(db, storeId, 'ann');
    expect([lead?.user.id, others]).toEqual([idOf('ann'), []]);
    expect(await usersWhoLead(db, storeId, 'with')).toEqual([]);
    expect(await reportsOf(db, storeId, idOf('ann'))).toEqual([
      { personId: 'coming', applied: {} },
      { personId: 'with', applied: { manager: 'U-ann' } },
    ]);
  });
});

it.each(['sqlite', 'postgres'] as const)(
  'a database from before knows the managers, on %s',
  async (dialect) => {
    const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-old-'));
    const db = openDatabase(parseDatabaseUrl(await emptyDatabaseUrl(dialect, directory)));
    await migrate(db, '0292_granted_levels');
    const { connectionId } = (await connection(db))('/Users');
    await db('persons').insert({ id: 'p', environment_id: environmentId, created_at: AT });
    await db('pulled_connections').insert({
      ...{ connection_id: connectionId, environment_id: environmentId, name: 'c', strategy: 'demo' },
      ...{ status: 'ACTIVE', configuration: '{}', secrets: '{}', settings: '{}', updated_at: '' },
    });
    const boss = newId();
    for (const [name, manager] of Object.entries({ byId: boss, byName: 'boss', none: undefined }))
      await db('users').insert({
        ...{ id: name, environment_id: environmentId, connection_id: connectionId, person_id: 'p' },
        ...{ user_name: name, user_name_lower: name.toLowerCase(), active: true, version: 1 },
        ...{ created_at: AT, updated_at: AT },
        resource: JSON.stringify({
          userName: name,
          [ENTERPRISE_URN]: { manager: { value: manager, displayName: 'Ann' } },
        }),
      });
    await migrate(db);
    expect(await db('users').orderBy('id').select('id', 'manager_id')).toEqual([
      { id: 'byId', manager_id: boss },
      { id: 'byName', manager_id: null },
      { id: 'none', manager_id: null },
    ]);
    const { resource } = await db('users').where({ id: 'byId' }).first('resource');
    expect(typeof resource === 'string' ? JSON.parse(resource) : resource).toEqual({
      userName: 'byId',
      [ENTERPRISE_URN]: { manager: { value: boss } },
    });
    await db.destroy();
    rmSync(directory, { recursive: true, force: true });
  },
);
