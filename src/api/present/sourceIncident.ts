/** Whom an incident of a source concerns: what a pull would take from the directory, person by person. */

import { lossesOfSource } from '../../control/pull/decide.ts';
import type { IncidentRecord } from '../../db/brake/incidents.ts';
import { namesOfPeople } from '../../db/identity/subjects.ts';
import type { ApiDeps } from '../deps.ts';
import { type PageQuery, page, readCursor } from '../lists.ts';

const STATES = {
  held: 'held',
  approved: 'approved',
  done: 'taken',
  discarded: 'discarded',
  refused: 'impossible',
  planned: 'held',
} as const;

export async function sourcePeople(
  call: { readonly url: URL; readonly query: PageQuery },
  { db }: ApiDeps,
  incident: IncidentRecord,
) {
  const losses = await lossesOfSource({ db }, incident);
  const all = losses ? [...losses.people.entries()].sort(([a], [b]) => (a < b ? -1 : 1)) : [];
  const key = readCursor(call.query, ['text']);
  const rest = key === null ? all : all.filter(([id]) => id > String(key[0]));
  const rows = rest.slice(0, call.query.limit + 1);
  const names = await namesOfPeople(
    db,
    rows.map(([id]) => id),
  );
  return page(call, {
    name: 'people',
    rows,
    count: all.length,
    keyOf: ([id]) => [id],
    show: ([id, lines]) => ({
      id,
      person: { id, display: names.get(id)?.display ?? lines[0]?.display ?? id },
      personState: names.get(id)?.state ?? ('active' as const),
      items: lines.map((line) => ({
        id: `${losses?.run.id}.${line.seq}`,
        op: line.op,
        ...(line.detail.group
          ? { member: { id: line.detail.group.sourceId, display: line.detail.group.display } }
          : {}),
        state: STATES[line.state],
        ...(line.reason === null ? {} : { reason: line.reason }),
        cause: {
          correlationId: losses?.run.correlationId ?? '',
          kind: 'pull' as const,
          description: `pull of ${incident.connectionId ?? ''}`,
        },
        at: losses?.run.finishedAt ?? incident.openedAt,
      })),
    }),
  });
}
