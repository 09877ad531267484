/** How much has changed since a preview was made: in the directory, and by the bridge's own writes on the store. */

import type { Db } from '../open.ts';

/** Counts people and groups, each once. `since`: an ISO time. */
export async function countMovedSince(
  db: Db,
  store: { readonly id: string; readonly environmentId: string },
  since: string,
): Promise<number> {
  const { id: storeId, environmentId } = store;
  const inDirectory = (table: 'users' | 'groups', column: string) =>
    db(table).where({ environment_id: environmentId }).where('updated_at', '>', since).select({ id: column });
  const written = (kind: string, column: string) =>
    db('links').where({ store_id: storeId, kind }).where(column, '>', since).select({ id: 'subject_id' });
  // Each read of a group's members writes to its link too.
  const people = inDirectory('users', 'person_id').union([written('user', 'updated_at')]);
  const groups = inDirectory('groups', 'id').union([written('group', 'created_at')]);
  const counts = [];
  for (const moved of [people, groups])
    counts.push(await db.from(moved.as('moved')).count({ n: '*' }).first());
  return counts.reduce((sum, row) => sum + Number(row?.n ?? 0), 0);
}
