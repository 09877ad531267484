/**
 * Tells what an incident of a source is about: from whom the pull would take something, and what happens if nobody
 * decides. Reads only.
 */

import type { IncidentRecord } from '../../db/brake/incidents.ts';
import type { Db } from '../../db/open.ts';
import { isoTime } from '../../support/clock.ts';
import { UNDONE_WITHIN_MS } from '../losses/incidents.ts';
import { lossesOfSource } from '../pull/decide.ts';
import type { ShownIncident } from './shownIncident.ts';

/** `name` is the connection's. */
export async function wordsAboutSource(
  db: Db,
  incident: IncidentRecord,
  name: string,
): Promise<Pick<ShownIncident, 'summary' | 'ifNothing' | 'causes'>> {
  const { openedAt, closedAt } = incident;
  const { runs, people } = await lossesOfSource({ db }, incident);
  const held = [...people.values()].filter((own) => own.some(({ line }) => line.state === 'held')).length;
  const description = `pull of ${name}`;
  const [run] = runs;
  const count = people.size === 1 ? '1 person' : `${people.size} people`;
  const causes = runs.map(({ id, correlationId }) => {
    const concerned = [...people.values()].filter((own) => own.some((loss) => loss.run.id === id)).length;
    return { correlationId, kind: 'pull' as const, description, people: concerned, at: openedAt };
  });
  return {
    summary:
      `The pull of ${name} would take access, memberships, or the userName or address that they have, from ${count} of the directory; ${held} wait for a decision. ${run?.error ?? ''}`.trim(),
    ifNothing:
      closedAt === null
        ? 'Nothing is changed: the directory stays as it is until somebody approves or discards, or a later pull shows these people as they are here.'
        : `Everything is decided. What stores took can be given back until ${isoTime(Date.parse(closedAt) + UNDONE_WITHIN_MS)}.`,
    causes: causes.filter(({ people: concerned }, age) => age === 0 || concerned > 0),
  };
}
