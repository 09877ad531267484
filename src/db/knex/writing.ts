/** Writes to several tables that go together: on PostgreSQL in one statement, on SQLite one after another. */

import type { Knex } from 'knex';
import { type Db, dialectOf } from '../open.ts';
import { keeping } from './kept.ts';

/** A statement that writes, and what it is given. */
export interface Write {
  readonly build: (db: Db, given: never) => Knex.QueryBuilder;
  readonly given: object;
}

/** `build` is a `kept` statement, and one and the same function for all its uses. */
export function writing<Given extends object>(
  build: (db: Db, given: Given) => Knex.QueryBuilder,
  given: Given,
): Write {
  return { build, given };
}

/**
 * Sends writes that do not depend on each other, each to a table of its own. Answers what the last one does.
 */
export async function writeTogether<Answer>(db: Db, writes: readonly Write[]): Promise<Answer | undefined> {
  if (dialectOf(db) === 'postgres') return writes.length === 0 ? undefined : writeAll<Answer>(db, writes);
  let answer: Answer | undefined;
  for (const write of writes) answer = await writeAll<Answer>(db, [write]);
  return answer;
}

async function writeAll<Answer>(db: Db, writes: readonly Write[]): Promise<Answer> {
  return (await wholeOf(db, writes)) as Answer;
}

/** All writes in one statement, not asked yet; only for PostgreSQL. */
export function wholeOf(db: Db, writes: readonly Write[]): Knex.QueryBuilder {
  const given = writes.map((write) => write.given);
  return asOne(db, { given }, writes.map(numberOf));
}

const asOne = keeping<{ readonly given: readonly object[] }, readonly number[]>((db, { given }, numbers) => {
  const queries = numbers.map((number, n) => builds[number]?.(db, given[n] as never) as Knex.QueryBuilder);
  const last = queries.pop() as Knex.QueryBuilder;
  return queries.reduce((whole, query, n) => whole.with(`written_${n}`, query), last);
});

/** All that `writeTogether` was given, so that a kept statement can name them. */
const builds: Write['build'][] = [];

function numberOf({ build }: Write): number {
  const known = builds.indexOf(build);
  return known < 0 ? builds.push(build) - 1 : known;
}

export interface Insert {
  readonly table: string;
  readonly rows: readonly object[];
}

/** How many rows one insert has: knex makes a compound select of them, and SQLite takes 500 terms at most. */
const SQLITE_ROWS_MAX = 400;

/** Inserts rows of several tables, parents first. PostgreSQL checks foreign keys at the end of the statement. */
export async function insertTogether(db: Db, inserts: readonly Insert[]): Promise<void> {
  await writeTogether(db, insertingTogether(db, inserts));
}

/** The writes of `insertTogether`. */
export function insertingTogether(db: Db, inserts: readonly Insert[]): readonly Write[] {
  const rowsMax = dialectOf(db) === 'sqlite' ? SQLITE_ROWS_MAX : Number.POSITIVE_INFINITY;
  return inserts.flatMap((insert) => inserting(insert, rowsMax));
}

function inserting({ table, rows }: Insert, rowsMax: number): readonly Write[] {
  const writes: Write[] = [];
  for (let from = 0; from < rows.length; from += rowsMax)
    writes.push(insertingAll({ table, rows: rows.slice(from, from + rowsMax) }));
  return writes;
}

export function insertingAll({ table, rows }: Insert): Write {
  return { build: insertInto(table), given: { rows } };
}

/** Missing columns stay as they are. */
export function updatingRow(table: string, id: string, changed: object): Write {
  return { build: updateIn(table), given: { id, changed } };
}

const insertInto = ofTable(
  (table) =>
    (db: Db, { rows }: Pick<Insert, 'rows'>) =>
      db(table).insert(rows),
);
const updateIn = ofTable(
  (table) =>
    (db: Db, { id, changed }: { readonly id: string; readonly changed: object }) =>
      db(table).where({ id }).update(changed),
);

/** Makes one function for each table. */
function ofTable(make: (table: string) => Write['build']): typeof make {
  const made = new Map<string, Write['build']>();
  return (table) => {
    const build = made.get(table) ?? make(table);
    made.set(table, build);
    return build;
  };
}
