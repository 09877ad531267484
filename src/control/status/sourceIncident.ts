/** How an incident of a source stands: whom the pull would take, and what happens if nobody decides. Reads only. */

import { notesOf } from '../../db/brake/incidentDesk.ts';
import type { IncidentRecord } from '../../db/brake/incidents.ts';
import { getConnection } from '../../db/identity/connections.ts';
import type { Db } from '../../db/open.ts';
import { lossesOfSource } from '../pull/decide.ts';
import type { ShownIncident } from './shownIncident.ts';

export async function shownSourceIncident(db: Db, incident: IncidentRecord): Promise<ShownIncident> {
  const { id, environmentId, connectionId, openedAt, closedAt } = incident;
  const connection = connectionId === null ? null : await getConnection(db, environmentId, connectionId);
  const losses = await lossesOfSource({ db }, incident);
  const people = losses?.people.size ?? 0;
  const held = [...(losses?.people.values() ?? [])].filter((lines) =>
    lines.some(({ state }) => state === 'held'),
  ).length;
  const name = connection?.name ?? 'a directory';
  const run = losses?.run;
  const description = `pull of ${name}`;
  return {
    summary:
      `The pull of ${name} would take ${people === 1 ? '1 person' : `${people} people`} or memberships of theirs from the directory; ${held} wait for a decision. ${run?.error ?? ''}`.trim(),
    ifNothing:
      closedAt === null
        ? 'Nothing is changed: the directory stays as it is until somebody approves or discards, or a later pull shows these people again.'
        : 'Everything is decided.',
    ...(connection ? { connection: { id: connection.id, name } } : {}),
    causes: run
      ? [{ correlationId: run.correlationId, kind: 'pull', description, people, at: openedAt }]
      : [],
    stores: [],
    notes: await notesOf(db, id),
  };
}
