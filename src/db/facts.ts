/** What the bridge remembers about itself, one text a key. */

import type { Db } from './open.ts';

/** `version`: of the bridge that started last on this database. */
export type Fact = 'version';

export async function readFact(db: Db, key: Fact): Promise<string | null> {
  const row = await db('bridge').where({ key }).first('value');
  return row?.value ?? null;
}

export async function writeFact(db: Db, key: Fact, value: string): Promise<void> {
  await db('bridge').insert({ key, value }).onConflict('key').merge();
}
