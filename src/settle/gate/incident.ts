/**
 * Puts what the brake stops into an incident of the environment: one that the same connection or admin began, or a
 * new one. Closes incidents of which nothing is held any more. The caller has locked the store before, always.
 */

import { addTakenBefore } from '../../db/brake/incidentLosses.ts';
import {
  closeDecided,
  hasDecided,
  type IncidentRecord,
  incidentOfTrip,
  lockIncidents,
  noteStoreOfIncident,
  openIncident,
  openIncidentOf,
  type StoreOfIncident,
} from '../../db/brake/incidents.ts';
import { appendEvent, firstEvents } from '../../db/events.ts';
import type { Db } from '../../db/open.ts';
import { type Actor, type Cause, SYSTEM } from '../../model/cause.ts';
import { isoTime } from '../../support/clock.ts';
import type { Attempt } from '../attempt.ts';

const JOINED_WITHIN_MS = 24 * 60 * 60_000;

export interface Stopped extends StoreOfIncident {
  /** The correlation id of the stopped changes. */
  readonly cause: string | null;
  /** `now`: the brake trips by these losses. `before`: it had tripped already and holds them only for that. */
  readonly trip: 'now' | 'before' | null;
  /** An ISO time: since when losses on the store count towards the trip. */
  readonly windowStart: string;
}

/** Answers the incident that the stopped losses belong to from now on. */
export async function gatherIncident(tx: Db, attempt: Attempt, stopped: Stopped): Promise<IncidentRecord> {
  const { environmentId } = attempt.context.store;
  const { storeId, cause } = stopped;
  const last = await lockIncidents(tx, environmentId);
  const tripped = stopped.trip === 'before' ? await incidentOfTrip(tx, storeId) : null;
  const incident = tripped ?? (await joinOrOpen(tx, attempt, cause, last));
  const at = attempt.now();
  await noteStoreOfIncident(tx, incident.id, stopped, stopped.trip === 'now' ? at : null);
  const since = stopped.trip === 'now' ? stopped.windowStart : null;
  await addTakenBefore(tx, incident, { storeId, since, cause });
  return incident;
}

async function joinOrOpen(
  tx: Db,
  attempt: Attempt,
  cause: string | null,
  last: number,
): Promise<IncidentRecord> {
  const { environmentId } = attempt.context.store;
  const actor = await actorOf(tx, cause);
  const opener = `${actor.type}:${actor.id ?? actor.name}`;
  const since = isoTime(attempt.deps.clock.now() - JOINED_WITHIN_MS);
  const kind = 'stores' as const;
  const open = await openIncidentOf(tx, { environmentId, kind, opener }, since);
  if (open) return open;
  const connectionId = actor.type === 'connection' ? actor.id : null;
  const at = attempt.now();
  const incident = await openIncident(tx, { environmentId, kind, opener, connectionId, at }, last);
  await attempt.event(tx, {
    kind: 'incident.opened',
    outcome: 'held',
    reason: `incident ${incident.number}: losses caused by ${actor.name} wait for a decision`,
    after: { incidentId: incident.id, number: incident.number },
  });
  return incident;
}

async function actorOf(tx: Db, cause: string | null): Promise<Actor> {
  if (cause === null) return SYSTEM;
  return (await firstEvents(tx, [cause])).get(cause)?.actor ?? SYSTEM;
}

/** Closes incidents of which nothing is held any more. */
export async function closeIncidents(tx: Db, environmentId: string, at: string, cause: Cause): Promise<void> {
  if (!(await hasDecided(tx, environmentId))) return;
  await lockIncidents(tx, environmentId);
  for (const { id, number } of await closeDecided(tx, environmentId, at)) {
    await appendEvent(tx, at, {
      environmentId,
      cause,
      kind: 'incident.closed',
      outcome: 'success',
      reason: `nothing of incident ${number} is held any more`,
      after: { incidentId: id, number },
    });
  }
}
