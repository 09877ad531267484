/** Who of a scan is somebody already whom another connection of the environment has brought. Reads only. */

import { chunks } from '../chunks.ts';
import { fromBoolean } from '../columns.ts';
import type { Strategy } from '../identity/connections.ts';
import type { Db } from '../open.ts';
import { personsElsewhere } from '../people/elsewhere.ts';

export interface Arriving {
  readonly sourceId: string;
  readonly email: string | null;
}

/** By the id at the source, the persons whom they could be, each of them once. */
export type Matches = ReadonlyMap<string, readonly string[]>;

/** As an arrival will find them. Whoever was in this connection before is who they were. */
export async function matchesOf(
  db: Db,
  connectionId: string,
  arriving: readonly Arriving[],
): Promise<Matches> {
  const row = await db('connections')
    .where({ id: connectionId })
    .first('environment_id', 'match_people', 'strategy', 'user_id_attribute');
  if (!row || !fromBoolean(row.match_people)) return new Map();
  const own = {
    ...{ id: connectionId, environmentId: row.environment_id as string },
    ...{ strategy: row.strategy as Strategy, userIdAttribute: row.user_id_attribute as string },
  };
  const returning = await deletedAmong(db, connectionId, arriving);
  const fresh = arriving.filter(({ sourceId }) => !returning.has(sourceId));
  const newcomers = fresh.map(({ sourceId, email }) => ({ externalId: sourceId, email }));
  const found = await personsElsewhere(db, own, newcomers);
  const taken = new Set<string>();
  return new Map(
    fresh.map(({ sourceId }, at) => {
      // Two of one connection are never one person: who comes first is it.
      const persons = (found[at] ?? []).filter((id) => !taken.has(id));
      const [only] = persons;
      if (persons.length === 1 && only !== undefined) taken.add(only);
      return [sourceId, persons];
    }),
  );
}

async function deletedAmong(
  db: Db,
  connectionId: string,
  arriving: readonly Arriving[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const some of chunks(arriving)) {
    const ids = some.map(({ sourceId }) => sourceId);
    const rows = await db('users')
      .where({ connection_id: connectionId })
      .whereNotNull('deleted_at')
      .whereIn('external_id', ids)
      .select('external_id');
    for (const row of rows) found.add(row.external_id);
  }
  return found;
}
