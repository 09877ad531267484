/** Who of a scan is somebody already whom another connection of the environment has brought. Reads only. */

import { chunks } from '../chunks.ts';
import { fromBoolean, lower } from '../columns.ts';
import type { Strategy } from '../identity/connections.ts';
import type { Db } from '../open.ts';
import { idsAreOf } from '../people/attachment.ts';

export interface Arriving {
  readonly sourceId: string;
  readonly email: string | null;
}

/**
 * By the id at the source, the persons whom they could be: by the same id where the other connection reads the same
 * source, else by address. Empty where the connection matches nobody.
 */
export async function personsElsewhere(
  db: Db,
  connectionId: string,
  arriving: readonly Arriving[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map<string, Set<string>>();
  const own = await db('connections')
    .where({ id: connectionId })
    .first('environment_id', 'match_people', 'strategy');
  if (!own || !fromBoolean(own.match_people)) return found;
  const elsewhere = () =>
    db('users as u')
      .join('connections as c', 'c.id', 'u.connection_id')
      .where({ 'u.environment_id': own.environment_id, 'u.active': true })
      .whereNot({ 'u.connection_id': connectionId })
      .whereNull('u.deleted_at')
      .select('u.person_id', 'u.external_id', 'u.primary_email_lower', 'c.strategy');
  for (const some of chunks(arriving)) {
    const byId = await elsewhere().whereIn(
      'u.external_id',
      some.map(({ sourceId }) => sourceId),
    );
    const emails = some.flatMap(({ email }) => (email === null ? [] : [lower(email)]));
    const byEmail = await elsewhere().whereIn('u.primary_email_lower', emails);
    for (const { sourceId, email } of some) {
      const same = byId.filter(
        (row) =>
          row.external_id === sourceId &&
          idsAreOf(own.strategy as Strategy, row.strategy as Strategy, sourceId),
      );
      const matched =
        same.length > 0
          ? same
          : byEmail.filter((row) => email !== null && row.primary_email_lower === lower(email));
      if (matched.length > 0) found.set(sourceId, new Set(matched.map((row) => row.person_id as string)));
    }
  }
  return found;
}
