/** What is asked often is prepared, and nobody notices when a plan no longer holds. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { keptReading } from '../../../../src/db/knex/kept.ts';
import { writing } from '../../../../src/db/knex/writing.ts';
import { openDatabase, parseDatabaseUrl } from '../../../../src/db/open.ts';
import { send, transact } from '../../../../src/db/transaction.ts';
import { freshDatabaseUrl } from '../../../database.ts';

const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-preparing-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let db: Knex;
beforeEach(async () => {
  db = openDatabase(parseDatabaseUrl(await freshDatabaseUrl('postgres', directory)));
  await db.schema.createTable('people', (table) => {
    table.text('id').primary();
    table.text('name');
  });
  await db('people').insert({ id: 'ann', name: 'Ann' });
});
afterEach(() => db.destroy());

const ann = (within: Knex = db) => within('people').where({ id: 'ann' }).first();

const rename = (within: Knex, { name }: { readonly name: string }) =>
  within('people').where({ id: 'ann' }).update({ name }).returning('*');

/** One after the other, so that one session answers them all. */
async function askOften(times = 10): Promise<void> {
  for (let asked = 0; asked < times; asked++) await ann();
}

async function prepared(): Promise<string[]> {
  const { rows } = await db.raw('select statement from pg_prepared_statements order by statement');
  return rows.map(({ statement }: { statement: string }) => statement);
}

it('prepares what is asked often, and nothing else', async () => {
  await db('people').where({ name: 'Ann' }).first();
  await askOften();
  expect(await prepared()).toEqual(['select * from "people" where "id" = $1 limit 1']);
  expect(await ann()).toEqual({ id: 'ann', name: 'Ann' });
});

it('prepares no more than a few hundred of very many', async () => {
  for (let length = 1; length <= 400; length++) {
    const ids = Array.from({ length }, (_, n) => `${n}`);
    for (let asked = 0; asked < 6; asked++) await db('people').whereIn('id', ids).select('id');
  }
  expect((await prepared()).length).toBeLessThanOrEqual(300);
});

it('gives an error of the statement to whoever asked, and goes on', async () => {
  const insert = () => db('people').insert({ id: 'ann', name: 'Ann' });
  for (let asked = 0; asked < 10; asked++) await expect(insert()).rejects.toMatchObject({ code: '23505' });
  expect(await ann()).toEqual({ id: 'ann', name: 'Ann' });
});

describe.each([
  ['another version adds a column', 'alter table people add column age integer', { age: null }],
  ['a pooler gives the session to others', 'deallocate all', {}],
])('while %s', (_, meanwhile, more) => {
  const expected = { id: 'ann', name: 'Ann', ...more };

  it('the statement is asked once more', async () => {
    await askOften();
    await db.raw(meanwhile);
    expect(await ann()).toEqual(expected);
    await askOften();
    expect(await ann()).toEqual(expected);
  });

  it('the transaction is done once more', async () => {
    await askOften();
    await db.raw(meanwhile);
    let times = 0;
    const found = await transact(db, async (tx) => {
      times += 1;
      await tx('people').insert({ id: 'bob', name: 'Bob' });
      return ann(tx);
    });
    expect([found, times]).toEqual([expected, 2]);
    expect(await db('people').pluck('id')).toEqual(['ann', 'bob']);
  });

  it('the transaction is done once more whose last write was sent with its commit', async () => {
    const renamed = (name: string) => transact(db, (tx) => send(tx, [writing(rename, { name })]));
    for (let asked = 0; asked < 10; asked++) await renamed('Ann');
    await db.raw(meanwhile);
    let times = 0;
    await transact(db, async (tx) => {
      times += 1;
      await tx('people').insert({ id: 'bob', name: 'Bob' });
      await send(tx, [writing(rename, { name: 'Anna' })]);
    });
    expect(times).toBe(2);
    expect(await db('people').orderBy('id').pluck('name')).toEqual(['Anna', 'Bob']);
  });
});

it('prepares nothing more on sessions that are not its own', async () => {
  await askOften();
  await db.raw('deallocate all');
  await askOften();
  expect(await prepared()).toEqual([]);
});

it('prepares on, where the server cannot prepare a statement that several ask at once', async () => {
  const misspelt = keptReading<unknown, { readonly id: string }>((on, { id }) =>
    on('people').where({ nmae: id }),
  );
  for (let round = 0; round < 3; round++) {
    const asked = Array.from({ length: 8 }, () => misspelt(db, { id: 'ann' }));
    const codes = (await Promise.allSettled(asked)).map(
      (one) => (one as { reason?: { code: string } }).reason?.code,
    );
    expect(codes).toEqual(asked.map(() => '42703'));
  }
  await askOften();
  expect(await prepared()).toEqual(['select * from "people" where "id" = $1 limit 1']);
});
