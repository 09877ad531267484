/** The migrations of the brake, on a database from before: what was in force stays, and what is held is an incident. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../../src/db/migrations.ts';
import { type Db, openDatabase, parseDatabaseUrl } from '../../../src/db/open.ts';
import { emptyDatabaseUrl } from '../../database.ts';
import { AT, LATER, withStore } from './store.ts';

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-old-'));
  let db: Db;
  beforeAll(async () => {
    db = openDatabase(parseDatabaseUrl(await emptyDatabaseUrl(dialect, directory)));
    await migrate(db, '0019_context_versions');
    await withStore(async () => db);
    const store = await db('stores').where({ id: 's' }).first();
    const json = (value: unknown) => JSON.stringify(value);
    const more = { image: json({}), secrets: json({}) };
    await db('stores').insert([
      { ...store, ...more, id: 'own', name: 'own', configuration: json({ BRAKE_PERCENT: 50, BRAKE_MIN: 3 }) },
      { ...store, ...more, id: 'gone', name: 'gone', configuration: json({}), deleted_at: AT },
    ]);
    for (const [id, storeId, state, since] of [
      ['a', 's', 'held', LATER],
      ['b', 'own', 'held', AT],
      ['c', 's', 'discarded', AT],
    ]) {
      const subject = {
        environment_id: 'e',
        store_id: storeId,
        kind: 'user',
        subject_id: id,
        person_key: id,
      };
      const loss = { change_key: 'k', change: '{"op":"disable"}', desired: 'inactive', reason: 'r', rank: 0 };
      await db('held').insert({ id, ...subject, ...loss, state, since });
    }
    await migrate(db);
  });
  afterAll(async () => {
    await db.destroy();
    rmSync(directory, { recursive: true, force: true });
  });

  it('writes the percentage of before into stores that had none of their own', async () => {
    const configurations = await db('stores').orderBy('id').select('id', 'configuration');
    const read = (value: unknown) => (typeof value === 'string' ? JSON.parse(value) : value);
    expect(configurations.map((row) => [row.id, read(row.configuration)])).toEqual([
      ['gone', {}],
      ['own', { BRAKE_PERCENT: 50, BRAKE_MIN: 3 }],
      ['s', { BRAKE_PERCENT: 20 }],
    ]);
  });

  it('makes one incident of what is held, and keeps what is decided', async () => {
    const [incident, ...others] = await db('incidents');
    expect(others).toEqual([]);
    expect(incident).toMatchObject({ environment_id: 'e', number: 1, state: 'OPEN', opened_at: AT });
    const losses = await db('losses').orderBy('id').select('id', 'incident_id', 'state');
    expect(losses).toEqual([
      { id: 'a', incident_id: incident.id, state: 'held' },
      { id: 'b', incident_id: incident.id, state: 'held' },
      { id: 'c', incident_id: null, state: 'discarded' },
    ]);
    expect(await db('incident_stores').orderBy('store_id').select('store_id', 'people_max')).toEqual([
      { store_id: 'own', people_max: 3 },
      { store_id: 's', people_max: 10 },
    ]);
    expect(await db('incident_numbers')).toEqual([{ environment_id: 'e', last: 1 }]);
  });
});
