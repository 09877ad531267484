/**
 * The incidents of an environment: which is open, which one a loss joins, and when one is over. Each environment has
 * one lock for them, which is taken after the locks of stores. `incidentLosses.ts` has the losses.
 */

import { newId } from '../../support/ids.ts';
import type { Db } from '../open.ts';

export interface IncidentRecord {
  readonly id: string;
  readonly environmentId: string;
  /** Starts at 1 in each environment. */
  readonly number: number;
  /** Losses on stores, or what a pull would take from the directory. */
  readonly kind: 'stores' | 'source';
  readonly state: 'OPEN' | 'CLOSED';
  readonly connectionId: string | null;
  /** ISO times */
  readonly openedAt: string;
  readonly closedAt: string | null;
  readonly claimedBy: { readonly id: string; readonly name: string; readonly at: string } | null;
}

export interface NewIncident {
  readonly environmentId: string;
  readonly kind: IncidentRecord['kind'];
  /** The connection or admin whose request began it, as `type:id`: their next one joins it. */
  readonly opener: string;
  readonly connectionId: string | null;
  /** ISO time */
  readonly at: string;
}

/**
 * Until the transaction ends, nobody else opens, joins or closes an incident of the environment. Answers the last
 * number.
 */
export async function lockIncidents(tx: Db, environmentId: string): Promise<number> {
  const [row] = await tx('incident_numbers')
    .insert({ environment_id: environmentId, last: 0 })
    .onConflict('environment_id')
    .merge({ last: tx.raw('incident_numbers.last') })
    .returning('last');
  return Number(row.last);
}

/** The newest open incident that the same connection or admin began after `since`. */
export async function openIncidentOf(
  tx: Db,
  { environmentId, kind, opener }: Pick<NewIncident, 'environmentId' | 'kind' | 'opener'>,
  since: string,
): Promise<IncidentRecord | null> {
  const row = await tx('incidents')
    .where({ environment_id: environmentId, state: 'OPEN', kind, opener })
    .where('opened_at', '>', since)
    .orderBy('opened_at', 'desc')
    .first();
  return row ? toIncident(row) : null;
}

/** The open incident that last tripped the store's brake. */
export async function incidentOfTrip(tx: Db, storeId: string): Promise<IncidentRecord | null> {
  const row = await tx('incident_stores as s')
    .join('incidents as i', 'i.id', 's.incident_id')
    .where({ 's.store_id': storeId, 'i.state': 'OPEN' })
    .whereNotNull('s.tripped_at')
    .orderBy('s.tripped_at', 'desc')
    .first('i.*');
  return row ? toIncident(row) : null;
}

/** Opens an incident. Call it under `lockIncidents`. */
export async function openIncident(tx: Db, incident: NewIncident, last: number): Promise<IncidentRecord> {
  const { environmentId, kind, opener, connectionId, at } = incident;
  const number = last + 1;
  await tx('incident_numbers').where({ environment_id: environmentId }).update({ last: number });
  const id = newId();
  await tx('incidents').insert({
    ...{ id, environment_id: environmentId, number, kind, state: 'OPEN' },
    ...{ opener, connection_id: connectionId, opened_at: at },
  });
  return {
    ...{ id, environmentId, number, kind, state: 'OPEN', connectionId },
    ...{ openedAt: at, closedAt: null, claimedBy: null },
  };
}

export interface StoreOfIncident {
  readonly storeId: string;
  /** How many people may lose something in the window, and out of how many. */
  readonly limit: number;
  readonly base: number;
}

/**
 * Records the state of the store's brake when the incident reached the store. `trippedAt`: where the incident trips
 * it now.
 */
export async function noteStoreOfIncident(
  tx: Db,
  incidentId: string,
  { storeId, limit, base }: StoreOfIncident,
  trippedAt: string | null,
): Promise<void> {
  const note = tx('incident_stores')
    .insert({ incident_id: incidentId, store_id: storeId, people_max: limit, base, tripped_at: trippedAt })
    .onConflict(['incident_id', 'store_id']);
  await (trippedAt === null ? note.ignore() : note.merge(['people_max', 'base', 'tripped_at']));
}

/** The stores whose brake the incident tripped, and when; ISO times. */
export async function tripsOf(
  db: Db,
  incidentId: string,
): Promise<readonly { readonly storeId: string; readonly trippedAt: string }[]> {
  const rows = await db('incident_stores').where({ incident_id: incidentId }).whereNotNull('tripped_at');
  return rows.map((row: { store_id: string; tripped_at: string }) => ({
    storeId: row.store_id,
    trippedAt: row.tripped_at,
  }));
}

/**
 * Closes and answers the open incidents of the environment of which nothing is held any more. Call it under
 * `lockIncidents`.
 */
export async function closeDecided(
  tx: Db,
  environmentId: string,
  at: string,
): Promise<readonly IncidentRecord[]> {
  const rows = await decidedIncidents(tx).where({ 'i.environment_id': environmentId }).select('i.*');
  const ids = rows.map((row: { id: string }) => row.id);
  if (ids.length === 0) return [];
  await tx('incidents').whereIn('id', ids).update({ state: 'CLOSED', closed_at: at });
  return rows.map((row: Record<string, unknown>) => ({ ...toIncident(row), state: 'CLOSED', closedAt: at }));
}

/** Closes a source's incident and answers its number; null where it was closed already. */
export async function closeSourceIncident(tx: Db, id: string, at: string): Promise<number | null> {
  const row = await tx('incidents').where({ id, state: 'OPEN' }).first('number');
  if (!row) return null;
  await tx('incidents').where({ id }).update({ state: 'CLOSED', closed_at: at });
  return Number(row.number);
}

/** Whether the environment has an open incident of which nothing is held any more. */
export async function hasDecided(db: Db, environmentId: string): Promise<boolean> {
  const row = await decidedIncidents(db).where({ 'i.environment_id': environmentId }).first('i.id');
  return row !== undefined;
}

/** The environments with such an incident. */
export async function environmentsWithDecided(db: Db): Promise<readonly string[]> {
  const rows = await decidedIncidents(db).distinct('i.environment_id');
  return rows.map((row: { environment_id: string }) => row.environment_id);
}

function decidedIncidents(db: Db) {
  return db('incidents as i')
    .where({ 'i.state': 'OPEN', 'i.kind': 'stores' })
    .whereNotExists(
      db('losses as l').where('l.incident_id', db.ref('i.id')).where('l.state', 'held').select(db.raw('1')),
    );
}

function toIncident(row: Record<string, unknown>): IncidentRecord {
  const claimedBy =
    row.claimed_at === null || row.claimed_at === undefined
      ? null
      : {
          id: row.claimed_by_id as string,
          name: row.claimed_by_name as string,
          at: row.claimed_at as string,
        };
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    number: Number(row.number),
    kind: row.kind as IncidentRecord['kind'],
    state: row.state as IncidentRecord['state'],
    connectionId: row.connection_id as string | null,
    openedAt: row.opened_at as string,
    closedAt: row.closed_at as string | null,
    claimedBy,
  };
}

export async function getIncident(db: Db, environmentId: string, id: string): Promise<IncidentRecord | null> {
  const row = await db('incidents').where({ environment_id: environmentId, id }).first();
  return row ? toIncident(row) : null;
}

export interface IncidentFilter {
  readonly environmentId: string;
  readonly state: IncidentRecord['state'] | null;
}

/** Newest first; `limit` incidents with a number below `before`. */
export async function listIncidents(
  db: Db,
  filter: IncidentFilter,
  limit: number,
  before: number | null,
): Promise<readonly IncidentRecord[]> {
  const query = matching(db, filter).orderBy('number', 'desc').limit(limit);
  if (before !== null) query.where('number', '<', before);
  return (await query).map(toIncident);
}

export async function countIncidents(db: Db, filter: IncidentFilter): Promise<number> {
  const row = await matching(db, filter).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

function matching(db: Db, { environmentId, state }: IncidentFilter) {
  return db('incidents').where({ environment_id: environmentId, ...(state === null ? {} : { state }) });
}
