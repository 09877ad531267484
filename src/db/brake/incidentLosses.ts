/** The losses of incidents: which belong to one, and what becomes of them when an admin decides about it. */

import type { Db } from '../open.ts';
import type { IncidentRecord } from './incidents.ts';

export interface TakenBefore {
  readonly storeId: string;
  /** What was taken on the store after it belongs to the incident; an ISO time, null where nothing does for that. */
  readonly since: string | null;
  /** What it took belongs to the incident, on every store. */
  readonly cause: string | null;
}

/** Gives the incident what stores have taken already, as far as no other incident has it. */
export async function incidentLossesTaken(
  tx: Db,
  incident: Pick<IncidentRecord, 'id' | 'environmentId'>,
  { storeId, since, cause }: TakenBefore,
): Promise<void> {
  const free = () => tx('losses').where({ state: 'taken' }).whereNull('incident_id');
  if (since !== null)
    await free()
      .where({ store_id: storeId })
      .where('done_at', '>', since)
      .update({ incident_id: incident.id });
  if (cause !== null)
    await free()
      .where({ cause, environment_id: incident.environmentId })
      .update({ incident_id: incident.id });
}

/** The open incident that something of this cause is in; null where none is. */
export async function openIncidentOfCause(
  db: Db,
  environmentId: string,
  cause: string,
): Promise<string | null> {
  const row = await db('losses as l')
    .join('incidents as i', 'i.id', 'l.incident_id')
    .where({ 'l.cause': cause, 'l.environment_id': environmentId, 'i.state': 'OPEN' })
    .orderBy('i.opened_at', 'desc')
    .first('i.id');
  return row?.id ?? null;
}
