/** Which people of a scan another connection of the environment has brought already. Reads only. */

import { fromBoolean } from '../columns.ts';
import type { Strategy } from '../identity/connections.ts';
import type { Db } from '../open.ts';
import { type Candidates, type MatchingConnection, personsElsewhere } from '../people/elsewhere.ts';

export interface Arriving {
  readonly sourceId: string;
  readonly email: string | null;
}

/** The persons whom one of them may be, each once. */
export type Match = Candidates;

/** The matches by the id at the source. */
export type Matches = ReadonlyMap<string, Match>;

/** How a connection's newcomers are matched; null where it matches nobody. */
export async function matchingOf(db: Db, connectionId: string): Promise<MatchingConnection | null> {
  const row = await db('connections')
    .where({ id: connectionId })
    .first('environment_id', 'match_people', 'strategy', 'user_id_attribute');
  if (!row || !fromBoolean(row.match_people)) return null;
  return {
    ...{ id: connectionId, environmentId: row.environment_id as string },
    ...{ strategy: row.strategy as Strategy, userIdAttribute: row.user_id_attribute as string },
  };
}

/** Finds a page of matches, as an arrival will. None of these people may have been in the connection before. */
export async function matchesOf(
  db: Db,
  own: MatchingConnection | null,
  arriving: readonly Arriving[],
): Promise<Matches> {
  if (own === null) return new Map();
  const newcomers = arriving.map(({ sourceId, email }) => ({ externalId: sourceId, email }));
  const found = await personsElsewhere(db, own, newcomers);
  return new Map(arriving.flatMap(({ sourceId }, at) => (found[at] ? [[sourceId, found[at]]] : [])));
}
