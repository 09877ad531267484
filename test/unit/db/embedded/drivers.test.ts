/** The two drivers of an embedded database: alike in what they take, give and refuse, and neither in anybody's way. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from 'knex';
import { migrate } from '../../../../src/db/migrations.ts';
import { type Driver, isUniqueViolation, openDatabase } from '../../../../src/db/open.ts';
import { isDatabaseOutage } from '../../../../src/db/outage.ts';
import { keyedReadsOf, ReadTooLong, readsOf, readWithin } from '../../../../src/db/reads.ts';

const ENDLESS =
  'with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 1000000000) select count(*) from numbers';

const silent = () => {};
const SILENT = { warn: silent, error: silent, debug: silent };

let directory: string;
const opened: Knex[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'scim-bridge-drivers-'));
});
afterEach(async () => {
  for (const db of opened.splice(0)) await db.destroy();
  rmSync(directory, { recursive: true });
});

function open(driver: Driver, name = 'bridge.db'): Knex {
  const db = openDatabase({ dialect: 'sqlite', target: join(directory, name), driver }, SILENT);
  opened.push(db);
  return db;
}

const codeOf = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => 'done',
    ({ code, errno, message }) => ({ code, errno, message }),
  );

/** What happens to the same statements, in words that can be compared. */
async function story(driver: Driver): Promise<unknown> {
  const db = open(driver, `${driver}.db`);
  const told: unknown[] = [];
  await db.raw('create table parents (id integer primary key, name text not null unique)');
  await db.raw('create table kids (parent integer not null references parents (id), note text, size real)');
  told.push(await db('parents').insert({ name: 'ada' }));
  told.push(
    await db('parents')
      .insert([{ name: 'bob' }, { name: 'cid' }])
      .returning(['id', 'name']),
  );
  told.push(
    await db('parents')
      .where('id', '>', 1)
      .update({ name: db.raw("name || '!'") }),
  );
  told.push(await db('parents').where({ id: 3 }).update({ name: 'dan' }, ['id', 'name']));
  const values = [5, -7, 1.5, "it's", true, false, null, Buffer.from('bytes')];
  for (const value of values) told.push(await db.raw('select ? as value, typeof(?) as type', [value, value]));
  told.push(await db.raw("select 'n' || ? as words, json_array(?, ?) as list", [5, 6, 'x']));
  await db('kids').insert({ parent: 1, note: undefined, size: 3 });
  told.push(await db('kids'), await db('kids').first('size'), await db('kids').pluck('note'));
  await db.raw('alter table kids add column more text');
  told.push(await db('kids'));
  told.push(await codeOf(db('parents').insert({ name: 'ada' })));
  told.push(await codeOf(db('parents').insert({ name: null })));
  told.push(await codeOf(db('kids').insert({ parent: 99 })));
  told.push(await codeOf(db('nowhere')));
  told.push(await codeOf(db.raw('selec')));
  told.push(await codeOf(readsOf(db)('kids').delete()), await codeOf(keyedReadsOf(db)('kids').delete()));
  await db.transaction(async (tx) => {
    await tx('parents').insert({ name: 'eve' });
    told.push(
      await codeOf(tx.transaction((inner) => inner('parents').insert([{ name: 'fay' }, { name: 'ada' }]))),
    );
    told.push(await tx('parents').pluck('name'));
  });
  told.push(
    await codeOf(
      db.transaction((tx) =>
        tx('parents')
          .delete()
          .then(() => tx('kids').insert({})),
      ),
    ),
  );
  told.push(await db('parents').orderBy('id').pluck('name'));
  for (const name of ['journal_mode', 'synchronous', 'foreign_keys'])
    told.push(await db.raw(`pragma ${name}`));
  told.push(await db('kids').delete());
  const notes = join(directory, 'notes.txt');
  writeFileSync(notes, 'Not a database, but longer than the header of one: '.repeat(100));
  told.push(await codeOf(open(driver, 'notes.txt').raw('select 1')));
  return JSON.parse(JSON.stringify(told));
}

it('are alike', async () => {
  const [ofPackage, ofNode] = [await story('sqlite3'), await story('node')];
  expect(ofNode).toEqual(ofPackage);
});

it('open what the other made', async () => {
  for (const [writer, reader] of [
    ['sqlite3', 'node'],
    ['node', 'sqlite3'],
  ] as const) {
    const name = `${writer}.db`;
    const made = open(writer, name);
    await migrate(made);
    await made('bridge').insert({ key: 'made', value: writer });
    await made.destroy();
    const found = open(reader, name);
    await migrate(found);
    expect(await found('bridge').where({ key: 'made' }).pluck('value')).toEqual([writer]);
    await found.destroy();
  }
});

describe.each(['sqlite3', 'node'] as const)('%s', (driver) => {
  let db: Knex;
  beforeEach(async () => {
    db = open(driver);
    await db.raw('create table notes (id integer primary key, text text unique)');
  });

  it('answers by key, and others, while somebody reads for long', async () => {
    await db('notes').insert({ text: 'a' });
    const long = [0, 1].map(() => codeOf(readWithin(db, 3_000, (tx) => tx.raw(ENDLESS))));
    await pause(300);
    const began = performance.now();
    expect(await keyedReadsOf(db)('notes').where({ id: 1 }).pluck('text')).toEqual(['a']);
    await db('notes').insert({ text: 'b' });
    expect(performance.now() - began).toBeLessThan(2_500);
    expect(await readsOf(db)('notes').pluck('text')).toEqual(['a', 'b']);
    expect(await Promise.all(long)).toEqual(Array(2).fill({ message: new ReadTooLong().message }));
    expect(await readWithin(db, 10_000, (tx) => tx('notes').pluck('text'))).toEqual(['a', 'b']);
  });

  it('lets others have their turn between statements', async () => {
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 5);
    const until = performance.now() + 1_000;
    await db.transaction(async (tx) => {
      while (performance.now() < until) await tx('notes').insert({ text: `${performance.now()}` });
    });
    clearInterval(counting);
    expect(turns).toBeGreaterThan(5);
  });

  it('does not wait where another process has written since its transaction read', async () => {
    const other = open(driver);
    const began = performance.now();
    await db.transaction(async (tx) => {
      await tx('notes');
      await other('notes').insert({ text: 'theirs' });
      expect(await codeOf(tx('notes').insert({ text: 'ours' }))).toMatchObject({ code: 'SQLITE_BUSY' });
    });
    expect(performance.now() - began).toBeLessThan(4_000);
  });

  it('waits for another process that writes, and holds nobody meanwhile', async () => {
    const other = open(driver);
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 10);
    let waiting: Promise<unknown> = Promise.resolve();
    await other.transaction(async (tx) => {
      await tx('notes').insert({ text: 'theirs' });
      waiting = codeOf(db('notes').insert({ text: 'ours' }));
      await pause(400);
    });
    clearInterval(counting);
    expect(turns).toBeGreaterThan(5);
    expect(await waiting).toBe('done');
    expect(
      isUniqueViolation(
        await db('notes')
          .insert({ text: 'ours' })
          .catch((error) => error),
      ),
    ).toBe(true);
  });
});

it('of a reader that was killed, the read fails as an outage, and the next has another', async () => {
  const db = open('node');
  await db.raw('create table notes (text text)');
  const reads = readsOf(db);
  const connection = await reads.client.acquireConnection();
  const failed = reads
    .raw('select 1')
    .connection(connection)
    .catch((error: unknown) => error);
  connection.close();
  expect(isDatabaseOutage(await failed)).toBe(true);
  await reads.client.releaseConnection(connection);
  expect(await reads('notes')).toEqual([]);
});
