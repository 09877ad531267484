/** Statements that keep their plan. Where one does not, nothing fails: it only takes several times as long. */

import { migrate } from '../../../src/db/migrations.ts';
import { openDatabase } from '../../../src/db/open.ts';

it.each([
  { dialect: 'sqlite', target: ':memory:', driver: 'node' },
  { dialect: 'postgres', target: 'postgres://nobody@127.0.0.1:1/none' },
] as const)('a limit is part of the text on $dialect', async (location) => {
  const db = openDatabase(location);
  expect(db('users').where({ id: 'a' }).first().toSQL()).toMatchObject({ bindings: ['a'] });
  const page = db.from(db('users').limit(5).offset(10).as('page')).limit(3).toSQL();
  expect(page.sql).toMatch(/limit 5 offset \?.*limit 3$/);
  expect(page.bindings).toEqual([10]);
  expect(db('users').limit(0).toSQL().sql).toMatch(/limit 0$/);
  expect(db('users').offset(7).toSQL().bindings).toContain(7);
  expect(db('users').toSQL().sql).not.toMatch(/limit/);
  expect(db('users').limit(500).toSQL().bindings).toEqual([]);
  expect(db('users').limit(501).toSQL().bindings).toEqual([501]);
  await db.destroy();
});

/** Indexes for one fixed question; no statement compares their column with a bound value by the same operator. */
const ASKED_AS_WRITTEN = ["status <> 'INACTIVE'", "outcome <> 'success'"];

it('no condition of an index makes SQLite look at bound values', async () => {
  const db = openDatabase({ dialect: 'sqlite', target: ':memory:', driver: 'node' });
  await migrate(db);
  const indexes: { sql: string }[] = await db('sqlite_master').where({ type: 'index' }).whereNotNull('sql');
  const compared = indexes.flatMap(({ sql }) => [...(sql.match(/\w+ *(=|<>|!=|<|>) *('[^']*'|\d+)/g) ?? [])]);
  expect(compared.toSorted()).toEqual(ASKED_AS_WRITTEN.toSorted());
  await db.destroy();
});
