/** Finds groups of two connections that are the same group of the company, by their names and members. Reads only. */

import { lower } from '../columns.ts';
import type { Db } from '../open.ts';
import { type GroupRecord, toGroup } from './groups.ts';

/**
 * The one live group of another connection that is the same: it has the same name, or the same id at the source, and
 * most members of each are in the other. Null where there is none, or several.
 */
export async function sameGroupElsewhere(db: Db, group: GroupRecord): Promise<GroupRecord | null> {
  const { id, environmentId, connectionId, displayName, externalId } = group;
  const others = db('connections')
    .where({ environment_id: environmentId })
    .whereNot({ id: connectionId })
    .whereNull('deletion')
    .select('id');
  const alike = await db('groups')
    .whereIn('connection_id', others)
    .whereNull('deleted_at')
    .where((same) => {
      same.where({ display_name_lower: lower(displayName) });
      if (externalId) same.orWhere({ external_id: externalId });
    });
  const own = await countPersons(db, [id]);
  const found: GroupRecord[] = [];
  for (const other of alike.map(toGroup)) {
    const most = Math.max(own, await countPersons(db, [other.id]));
    if (2 * (await countPersons(db, [id, other.id])) > most) found.push(other);
  }
  const [only = null] = found;
  return found.length === 1 ? only : null;
}

/** How many people are in all of these groups, by any user of theirs. */
async function countPersons(db: Db, groupIds: readonly string[]): Promise<number> {
  const query = db('persons as p');
  for (const group_id of groupIds)
    query.whereIn(
      'p.id',
      db('group_members as m')
        .join('users as u', 'u.id', 'm.user_id')
        .where({ 'm.group_id': group_id })
        .select('u.person_id'),
    );
  return Number((await query.count({ n: '*' }).first())?.n ?? 0);
}
