/** What the bridge remembers about itself, one text for each key. */

import type { Db } from './open.ts';

/**
 * `version`: of the bridge that last started on this database. `backup`: when the backup was taken that this database
 * came from; until the next start. `moved`: the last event that was copied into this database from another one.
 * `publicUrl`: of the bridge that started last.
 */
export type Fact = 'version' | 'backup' | 'moved' | 'publicUrl';

export async function readFact(db: Db, key: Fact): Promise<string | null> {
  const row = await db('bridge').where({ key }).first('value');
  return row?.value ?? null;
}

export async function writeFact(db: Db, key: Fact, value: string): Promise<void> {
  await db('bridge').insert({ key, value }).onConflict('key').merge();
}

/** False where it did not exist, or another was faster. */
export async function forgetFact(db: Db, key: Fact): Promise<boolean> {
  return (await db('bridge').where({ key }).delete()) === 1;
}
