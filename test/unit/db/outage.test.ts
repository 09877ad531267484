/** What a real server says when a statement, a lock or a standstill took too long: each is an outage. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from 'knex';
import { openDatabase, parseDatabaseUrl } from '../../../src/db/open.ts';
import { isDatabaseOutage } from '../../../src/db/outage.ts';
import { createLog } from '../../../src/support/log.ts';
import { freshDatabaseUrl } from '../../database.ts';

let db: Knex;
beforeAll(async () => {
  db = openDatabase(parseDatabaseUrl(await freshDatabaseUrl('postgres', '')), createLog('silent'));
  await db('bridge').insert({ key: 'row', value: '' });
});
afterAll(() => db.destroy());

const failureOf = (work: (tx: Knex) => Promise<unknown>): Promise<unknown> =>
  db.transaction(work).then(
    () => 'nothing failed',
    (error: unknown) => error,
  );
const row = () => db('bridge').where({ key: 'row' }).forUpdate();

it('a statement that took too long', async () => {
  const error = await failureOf(async (tx) => {
    await tx.raw('set local statement_timeout = 50');
    await tx.raw('select pg_sleep(5)');
  });
  expect(error).toMatchObject({ code: '57014' });
  expect(isDatabaseOutage(error)).toBe(true);
});

it('a row that somebody else keeps locked', async () => {
  const error = await failureOf(async (holder) => {
    await row().transacting(holder as Knex.Transaction);
    await db.transaction(async (tx) => {
      await tx.raw('set local lock_timeout = 50');
      await row().transacting(tx);
    });
  });
  expect(error).toMatchObject({ code: '55P03' });
  expect(isDatabaseOutage(error)).toBe(true);
});

it('a session that the server ended because its process stood still', async () => {
  const error = await failureOf(async (tx) => {
    await tx.raw('set local idle_in_transaction_session_timeout = 50');
    await pause(300);
    await tx.raw('select 1');
  });
  expect(String(error)).toMatch(/not queryable/);
  expect(isDatabaseOutage(error)).toBe(true);
  expect(await row()).toHaveLength(1);
});

it('a deadlock, which the one who lost it may try again', async () => {
  await db('bridge').insert({ key: 'other', value: '' });
  const take = (tx: Knex, key: string) => tx('bridge').where({ key }).forUpdate();
  let holding = 0;
  const takeBoth = (first: string, second: string) =>
    failureOf(async (tx) => {
      await take(tx, first);
      holding += 1;
      while (holding < 2) await pause(10);
      await take(tx, second);
    });
  const errors = await Promise.all([takeBoth('row', 'other'), takeBoth('other', 'row')]);
  const lost = errors.find((error) => error instanceof Error);
  expect(lost).toMatchObject({ code: '40P01' });
  expect(isDatabaseOutage(lost)).toBe(true);
});

it('a statement that is wrong is no outage', async () => {
  const error = await failureOf((tx) => tx.raw('select * from nowhere'));
  expect(isDatabaseOutage(error)).toBe(false);
});
