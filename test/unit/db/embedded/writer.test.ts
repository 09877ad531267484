/** Transactions that share a commit: each is whole or not there, and none is called done before another connection sees it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from 'knex';
import { Connection } from '../../../../src/db/embedded/connection.ts';
import { openDatabase } from '../../../../src/db/open.ts';
import { isDatabaseOutage } from '../../../../src/db/outage.ts';
import { committingApart } from '../../../../src/support/turns.ts';

let directory: string;
let db: Knex;
let outside: DatabaseSync;
let commits = 0;
const run = Connection.prototype.run;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'scim-bridge-writer-'));
  db = openDatabase({ dialect: 'sqlite', target: join(directory, 'bridge.db'), driver: 'node' });
  await db.raw('create table notes (id integer primary key, text text unique)');
  outside = new DatabaseSync(join(directory, 'bridge.db'), { readOnly: true });
  commits = 0;
  Connection.prototype.run = function counted(sql, ...rest) {
    if (sql === 'COMMIT') commits += 1;
    return run.call(this, sql, ...rest);
  };
});
afterEach(async () => {
  Connection.prototype.run = run;
  outside.close();
  await db.destroy();
  rmSync(directory, { recursive: true });
});

const seenOutside = (): unknown[] =>
  outside
    .prepare('select text from notes order by text')
    .all()
    .map(({ text }) => text);

/** What was seen outside at the moment when it was called done. */
const noteIn = (text: string, more?: (tx: Knex) => Promise<unknown>) =>
  db
    .transaction(async (tx) => {
      await tx('notes').insert({ text });
      await more?.(tx);
    })
    .then(
      () => seenOutside().includes(text),
      (error: { code?: string; message: string }) => error.code ?? error.message,
    );

it('commits one at once, and many together', async () => {
  expect(await noteIn('alone')).toBe(true);
  expect(commits).toBe(1);
  const texts = Array.from({ length: 20 }, (_, n) => `n${n}`);
  expect(await Promise.all(texts.map((text) => noteIn(text)))).toEqual(texts.map(() => true));
  expect(commits).toBeLessThan(texts.length / 2);
});

it('undoes one that fails, wherever in line, and keeps the others', async () => {
  const failing = async () => {
    throw new Error('changed my mind');
  };
  for (const at of [0, 1, 2]) {
    const told = await Promise.all(
      [0, 1, 2].map((n) => noteIn(`${at} ${n}`, n === at ? failing : undefined)),
    );
    expect(told).toEqual([0, 1, 2].map((n) => (n === at ? 'changed my mind' : true)));
  }
  expect(seenOutside()).toEqual(['0 1', '0 2', '1 0', '1 2', '2 0', '2 1']);
});

it('lets a part of one fail by itself', async () => {
  const part = (tx: Knex) =>
    tx.transaction((inner) => inner('notes').insert([{ text: 'part' }, { text: 'a' }])).catch(() => {});
  expect(await Promise.all([noteIn('a'), noteIn('b', part), noteIn('c')])).toEqual([true, true, true]);
  expect(seenOutside()).toEqual(['a', 'b', 'c']);
});

it('tells who reads alone only what is committed, in the commit that the others share', async () => {
  let end = () => {};
  const held = noteIn('held', () => new Promise<void>((done) => (end = done)));
  await pause(20);
  const first = noteIn('first');
  await pause(20);
  const read = db('notes')
    .pluck('text')
    .then((texts) => ({ texts, committed: seenOutside() }));
  await pause(20);
  const last = noteIn('last');
  await pause(20);
  end();
  const { texts, committed } = await read;
  expect(texts.sort()).toEqual(['first', 'held']);
  expect(committed).toEqual(expect.arrayContaining(texts));
  expect(await Promise.all([held, first, last])).toEqual([true, true, true]);
  expect(commits).toBe(1);
});

it('lets one that commits apart share no commit with those before it', async () => {
  let end = () => {};
  const told = [noteIn('held', () => new Promise<void>((done) => (end = done)))];
  await pause(20);
  told.push(
    noteIn('first'),
    committingApart(() => noteIn('apart')),
    noteIn('last'),
  );
  await pause(20);
  end();
  expect(await Promise.all(told)).toEqual([true, true, true, true]);
  expect(commits).toBe(2);
});

it('reads again what a commit that failed took back', async () => {
  await noteIn('before');
  const failing = Object.assign(new Error('SQLITE_IOERR: disk I/O error'), { code: 'SQLITE_IOERR' });
  Connection.prototype.run = function failingOnce(sql, ...rest) {
    if (sql !== 'COMMIT') return run.call(this, sql, ...rest);
    Connection.prototype.run = run;
    throw failing;
  };
  const [told, texts] = await Promise.all([noteIn('lost'), db('notes').pluck('text')]);
  expect(told).toBe('SQLITE_IOERR');
  expect(texts).toEqual(['before']);
});

it('fails a read by itself', async () => {
  const [told, read] = await Promise.all([noteIn('kept'), db('nothing').catch(({ code }) => code)]);
  expect([told, read]).toEqual([true, 'SQLITE_ERROR']);
  expect(seenOutside()).toEqual(['kept']);
});

it('calls none done that SQLite undoes with another one', async () => {
  await db.raw('pragma max_page_count = 8');
  const large = (tx: Knex) => tx('notes').insert({ text: 'x'.repeat(100_000) });
  const told = await Promise.all([noteIn('small'), noteIn('large', large), noteIn('after')]);
  const there = seenOutside();
  expect(told[1]).toBe('SQLITE_FULL');
  expect(told[0] === true).toBe(there.includes('small'));
  expect(told[2] === true).toBe(there.includes('after'));
  expect(there).not.toContain('large');
  expect(await noteIn('later')).toBe(true);
});

it('fails all that share a commit which fails, and goes on', async () => {
  Connection.prototype.run = function failing(sql, ...rest) {
    if (sql === 'COMMIT')
      throw Object.assign(new Error('SQLITE_IOERR: disk I/O error'), { code: 'SQLITE_IOERR' });
    return run.call(this, sql, ...rest);
  };
  expect(await Promise.all([noteIn('a'), noteIn('b'), noteIn('c')])).toEqual(Array(3).fill('SQLITE_IOERR'));
  Connection.prototype.run = run;
  expect(await noteIn('d')).toBe(true);
  expect(seenOutside()).toEqual(['d']);
});

it('gives up a turn that does not come, as an outage', async () => {
  let end = () => {};
  const held = noteIn('held', () => new Promise<void>((done) => (end = done)));
  const waited = await noteIn('waits').catch((error) => error);
  expect(isDatabaseOutage({ code: waited })).toBe(true);
  end();
  expect(await held).toBe(true);
  expect(await noteIn('next')).toBe(true);
  expect(seenOutside()).toEqual(['held', 'next']);
}, 20_000);
