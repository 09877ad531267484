/** Who of a scan is somebody already whom another connection of the environment has brought. Reads only. */

import { fromBoolean } from '../columns.ts';
import type { Strategy } from '../identity/connections.ts';
import type { Db } from '../open.ts';
import { type MatchingConnection, personsElsewhere } from '../people/elsewhere.ts';

export interface Arriving {
  readonly sourceId: string;
  readonly email: string | null;
}

/** By the id at the source, the persons whom they could be, each of them once. */
export type Matches = ReadonlyMap<string, readonly string[]>;

/** How a connection's newcomers are matched, in one run. */
export interface Matching {
  /** Null where the connection matches nobody. */
  readonly own: MatchingConnection | null;
  /** Persons whom newcomers are already: two of one connection are never one person, and who comes first is it. */
  readonly taken: Set<string>;
}

export async function matchingOf(db: Db, connectionId: string): Promise<Matching> {
  const row = await db('connections')
    .where({ id: connectionId })
    .first('environment_id', 'match_people', 'strategy', 'user_id_attribute');
  if (!row || !fromBoolean(row.match_people)) return { own: null, taken: new Set() };
  const own = {
    ...{ id: connectionId, environmentId: row.environment_id as string },
    ...{ strategy: row.strategy as Strategy, userIdAttribute: row.user_id_attribute as string },
  };
  return { own, taken: new Set() };
}

/** As an arrival will find them; a page of them. None of them may have been in the connection before. */
export async function matchesOf(
  db: Db,
  { own, taken }: Matching,
  arriving: readonly Arriving[],
): Promise<Matches> {
  if (own === null) return new Map();
  const newcomers = arriving.map(({ sourceId, email }) => ({ externalId: sourceId, email }));
  const found = await personsElsewhere(db, own, newcomers);
  return new Map(
    arriving.map(({ sourceId }, at) => {
      const persons = (found[at] ?? []).filter((id) => !taken.has(id));
      const [only] = persons;
      if (persons.length === 1 && only !== undefined) taken.add(only);
      return [sourceId, persons];
    }),
  );
}
