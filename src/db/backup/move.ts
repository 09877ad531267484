/** Copies all of one database into another, and proves that it arrived. */

import type { Knex } from 'knex';
import { readFact, writeFact } from '../facts.ts';
import type { Db } from '../open.ts';
import { copyTable, moveSequences, tablesOf } from './copy.ts';
import { digestOf } from './digest.ts';

/**
 * `empty`: nobody has used it. `copy`: an earlier move made it, and no bridge has worked on it since. `other`:
 * anything else, which a move must not replace.
 */
export type Holding = 'empty' | 'copy' | 'other';

/** What the target holds; it must have the schema of this version. */
export async function holdingOf(target: Db): Promise<Holding> {
  const copiedUpTo = await readFact(target, 'moved');
  const last = await lastEvent(target);
  if (copiedUpTo !== null) return copiedUpTo === last ? 'copy' : 'other';
  const environment = await target('environments').first('id');
  return last === '0' && environment === undefined ? 'empty' : 'other';
}

/**
 * Every bridge that works on a database writes at least one event, because its start makes tokens or seals them
 * again.
 */
async function lastEvent(db: Db): Promise<string> {
  const row = await db('events').max({ id: 'id' }).first();
  return String(row?.id ?? 0);
}

export interface Moved {
  readonly tables: number;
  readonly rows: number;
}

/**
 * Replaces everything in `target` by what is in `file`, an SQLite file with the same schema, in one transaction.
 * Throws where a table differs afterwards, and then nothing has changed.
 */
export async function replaceBy(target: Knex, file: Db): Promise<Moved> {
  const tables = await tablesOf(file);
  return target.transaction(async (tx) => {
    for (const table of tables.toReversed()) await tx(table).delete();
    for (const table of tables) await copyTable(file, tx, table);
    let rows = 0;
    for (const table of tables) {
      const [there, here] = [await digestOf(file, table), await digestOf(tx, table)];
      if (there.rows !== here.rows || there.sum !== here.sum) {
        const counts = `${there.rows} rows there and ${here.rows} here`;
        throw new Error(`The table ${table} is not the same after the copy (${counts}); nothing was moved`);
      }
      rows += here.rows;
    }
    await moveSequences(tx);
    await writeFact(tx, 'moved', await lastEvent(tx));
    return { tables: tables.length, rows };
  });
}
