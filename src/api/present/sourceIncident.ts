/** Shows the people of an incident of a source: what a pull would take from each of them in the directory. */

import { idOfLine, lossesOfSource } from '../../control/pull/decide.ts';
import { lossesOf } from '../../db/brake/heldLists.ts';
import type { IncidentRecord } from '../../db/brake/incidents.ts';
import type { LossRecord } from '../../db/brake/losses.ts';
import { getConnection } from '../../db/identity/connections.ts';
import { namesOfPeople } from '../../db/identity/subjects.ts';
import type { Line } from '../../db/pull/changes.ts';
import type { LossState } from '../../model/loss.ts';
import { replacedIdentity } from '../../model/pull/losses.ts';
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
  const { id: incident_id, environmentId, connectionId, openedAt } = incident;
  const { people } = await lossesOfSource({ db }, incident);
  const all = [...people.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  const key = readCursor(call.query, ['text']);
  const rest = key === null ? all : all.filter(([id]) => id > String(key[0]));
  const rows = rest.slice(0, call.query.limit + 1);
  const ids = rows.map(([id]) => id);
  const names = await namesOfPeople(db, ids);
  const atStores = Map.groupBy(await lossesOf(db, { incident_id }, ids), ({ personKey }) => personKey);
  const connection = connectionId === null ? null : await getConnection(db, environmentId, connectionId);
  const description = `pull of ${connection?.name ?? 'a directory'}`;
  return page(call, {
    name: 'people',
    rows,
    count: all.length,
    keyOf: ([id]) => [id],
    show: ([id, losses]) => ({
      id,
      person: { id, display: names.get(id)?.display ?? losses[0]?.line.display ?? id },
      personState: names.get(id)?.state ?? ('active' as const),
      items: losses.map(({ run, line }) => ({
        id: idOfLine(run, line),
        op: line.op,
        ...(line.detail.group
          ? { member: { id: line.detail.group.sourceId, display: line.detail.group.display } }
          : {}),
        ...attributesOf(line),
        state: stateOf(line, atStores.get(id) ?? []),
        ...(line.reason === null ? {} : { reason: line.reason }),
        cause: { correlationId: run.correlationId, kind: 'pull' as const, description },
        at: run.finishedAt ?? openedAt,
      })),
    }),
  });
}

function attributesOf(line: Line) {
  const attributes = replacedIdentity(line);
  return attributes.length === 0 ? {} : { attributes };
}

/** The state of a line. One that an undo called off shows how far the stores have given it back. */
function stateOf(line: Line, atStores: readonly LossRecord[]): LossState {
  if (!line.isCalledOff) return STATES[line.state];
  const ofLine = atStores.filter(({ change }) => (change.op === 'revoke') === (line.op === 'leave'));
  const has = (state: LossState) => ofLine.some((loss) => loss.state === state);
  if (has('taken')) return 'taken';
  if (has('impossible')) return 'impossible';
  return has('moved') ? 'moved' : 'undone';
}
