/**
 * Copies whole tables between a backup (an SQLite file) and a database of either kind. Both have the same schema; the
 * file says which tables and columns exist.
 */

import { type Db, dialectOf } from '../open.ts';

const ROWS_PER_PAGE = 500;
/** How many rows one insert has: as many terms and values as SQLite takes, whatever the table. */
const ROWS_PER_INSERT = 100;

export type Row = Record<string, unknown>;

/** Tables that belong to one database: the migrations, and the version of the tokens, which triggers raise. */
const OWN = /^(sqlite_|knex_|access_version$)/;

/** Tables that are copied after another one: a trigger on the audit log writes messages for the alerts that exist. */
const AFTER: Readonly<Record<string, readonly string[]>> = { alert_wants: ['events'] };

/** All other tables, parents before their children. */
export async function tablesOf(file: Db): Promise<readonly string[]> {
  const names: string[] = await file('sqlite_master').where({ type: 'table' }).orderBy('name').pluck('name');
  const left = new Set(names.filter((name) => !OWN.test(name)));
  const parents = new Map<string, readonly string[]>();
  for (const name of left) {
    const keys: { table: string }[] = await file.raw(`pragma foreign_key_list("${name}")`);
    const named = keys.map(({ table }) => table).filter((table) => table !== name);
    parents.set(name, [...named, ...(AFTER[name] ?? [])]);
  }
  const ordered: string[] = [];
  while (left.size > 0) {
    const next = [...left].find((name) => !parents.get(name)?.some((parent) => left.has(parent)));
    if (next === undefined)
      throw new Error(`Tables refer to each other in a circle: ${[...left].join(', ')}.`);
    left.delete(next);
    ordered.push(next);
  }
  return ordered;
}

/** On PostgreSQL, call it in a transaction, because it uses a cursor. */
export async function copyTable(from: Db, to: Db, table: string): Promise<void> {
  const asStored = dialectOf(to) === 'sqlite' ? asFileHasIt : (row: Row) => row;
  for await (const rows of pagesOf(from, table)) {
    for (let done = 0; done < rows.length; done += ROWS_PER_INSERT) {
      await to(table).insert(rows.slice(done, done + ROWS_PER_INSERT).map(asStored));
    }
  }
}

/** All rows of a table. On PostgreSQL, call it in a transaction, because it uses a cursor. */
export function pagesOf(db: Db, table: string): AsyncGenerator<readonly Row[]> {
  return dialectOf(db) === 'sqlite' ? pagesOfFile(db, table) : pagesOfCursor(db, table);
}

const POSITION = 'copied_rowid';

async function* pagesOfFile(file: Db, table: string): AsyncGenerator<readonly Row[]> {
  for (let after: unknown = 0; ; ) {
    const rows: Row[] = await file(table)
      .select(file.raw(`rowid as ${POSITION}`), '*')
      .whereRaw('rowid > ?', [after as number])
      .orderByRaw('rowid')
      .limit(ROWS_PER_PAGE);
    if (rows.length === 0) return;
    after = rows.at(-1)?.[POSITION];
    yield rows.map(({ [POSITION]: _position, ...row }) => row);
  }
}

async function* pagesOfCursor(tx: Db, table: string): AsyncGenerator<readonly Row[]> {
  await tx.raw('declare copied no scroll cursor for select * from ??', [table]);
  for (;;) {
    const { rows } = (await tx.raw(`fetch ${ROWS_PER_PAGE} from copied`)) as { rows: Row[] };
    if (rows.length === 0) break;
    yield rows;
  }
  await tx.raw('close copied');
}

/** As SQLite has it: JSON is text, and true is 1. */
function asFileHasIt(row: Row): Row {
  const columns = Object.entries(row).map(([name, value]) => {
    if (typeof value === 'boolean') return [name, value ? 1 : 0];
    return [name, typeof value === 'object' && value !== null ? JSON.stringify(value) : value];
  });
  return Object.fromEntries(columns);
}

/** Sets each sequence behind the ids that were copied. */
export async function moveSequences(tx: Db): Promise<void> {
  if (dialectOf(tx) === 'sqlite') return;
  const { rows } = (await tx.raw(
    `select table_name, column_name from information_schema.columns
     where table_schema = current_schema() and column_default like 'nextval(%' and table_name not like 'knex%'`,
  )) as { rows: { table_name: string; column_name: string }[] };
  for (const { table_name, column_name } of rows) {
    await tx.raw(
      'select setval(pg_get_serial_sequence(?, ?), greatest(1, (select coalesce(max(??), 0) from ??)))',
      [table_name, column_name, column_name, table_name],
    );
  }
}
