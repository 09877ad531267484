/** The losses of incidents: which belong to one, how many there are, and which were undone. */

import type { Knex } from 'knex';
import type { HoldKind } from '../../model/change.ts';
import type { LossState } from '../../model/loss.ts';
import { chunks } from '../chunks.ts';
import type { Db } from '../open.ts';
import type { IncidentRecord } from './incidents.ts';
import { type LossRecord, toLoss } from './losses.ts';
import { incidentOfUndo } from './undoneCauses.ts';

export interface TakenBefore {
  readonly storeId: string;
  /** What the store took after this ISO time belongs to the incident; null where nothing does for that reason. */
  readonly since: string | null;
  /** What this cause took, on every store, belongs to the incident. */
  readonly cause: string | null;
}

/** Adds losses to the incident that stores took before, unless another incident has them. */
export async function addTakenBefore(
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

/**
 * For the id of the incident that a loss belongs to which a store has just taken: a query for each reason, the
 * strongest first.
 */
export function incidentsOfLoss(
  db: Db,
  {
    cause,
    environmentId,
    storeId,
    personKey,
  }: Pick<LossRecord, 'environmentId' | 'storeId' | 'personKey' | 'cause'>,
): readonly Knex.QueryBuilder[] {
  // The open incident that tripped the store's brake while the loss was under way; the gate had let it through before.
  const ofTrip = db('brake_ledger as b')
    .join('incident_stores as s', 's.store_id', 'b.store_id')
    .join('incidents as i', 'i.id', 's.incident_id')
    .where({ 'b.store_id': storeId, 'b.person_key': personKey, 'i.state': 'OPEN' })
    .whereRaw('s.tripped_at >= b.at')
    .orderBy('s.tripped_at', 'desc')
    .limit(1)
    .select('i.id');
  // A loss without a cause can be in no incident by its cause.
  if (cause === null) return [ofTrip];
  // The incident whose decision let the losses of the cause into the directory.
  const ofSource = db('pull_runs')
    .where({ correlation_id: cause })
    .whereNotNull('incident_id')
    .limit(1)
    .select('incident_id');
  // The incident with which an admin undid what the cause takes from the person, while the store took it.
  const ofUndo = incidentOfUndo(db, { correlationId: cause, personKey });
  // The open incident that something of the cause is in.
  const ofCause = db('losses as l')
    .join('incidents as i', 'i.id', 'l.incident_id')
    .where({ 'l.cause': cause, 'l.environment_id': environmentId, 'i.state': 'OPEN' })
    .orderBy('i.opened_at', 'desc')
    .limit(1)
    .select('i.id');
  return [ofSource, ofUndo, ofCause, ofTrip];
}

/** On one store: how many people lost something and have not got it back, and of how many something is held. */
export interface LosersOnStore {
  readonly storeId: string;
  readonly lost: number;
  readonly held: number;
  /** As it was when the incident reached the store; null where nothing was held there. */
  readonly limit: number | null;
  readonly base: number | null;
}

export async function losersByStore(db: Db, incidentId: string): Promise<readonly LosersOnStore[]> {
  const people = (matches: (rows: ReturnType<Db>) => ReturnType<Db>) =>
    matches(db('losses').where({ incident_id: incidentId }))
      .groupBy('store_id')
      .select('store_id')
      .countDistinct({ n: 'person_key' });
  const lost = await people((rows) => rows.whereNotNull('done_at').whereNot({ state: 'undone' }));
  const held = await people((rows) => rows.where({ state: 'held' }));
  const noted = await db('incident_stores').where({ incident_id: incidentId });
  const every = await people((rows) => rows);
  const count = (rows: readonly { store_id: string; n: unknown }[], id: string) =>
    Number(rows.find((row) => row.store_id === id)?.n ?? 0);
  return every
    .map(({ store_id: storeId }: { store_id: string }) => {
      const note = noted.find((row: { store_id: string }) => row.store_id === storeId);
      const limit = note ? Number(note.people_max) : null;
      const base = note ? Number(note.base) : null;
      return { storeId, lost: count(lost, storeId), held: count(held, storeId), limit, base };
    })
    .sort((a: LosersOnStore, b: LosersOnStore) => (a.storeId < b.storeId ? -1 : 1));
}

export interface CauseOfLosses {
  readonly correlationId: string;
  readonly people: number;
  /** ISO time of its first loss. */
  readonly at: string;
  /** Why the plan itself held all losses that did not run at once, if that was one reason. */
  readonly holdKind: HoldKind | null;
}

const HOLD_KIND = "change->'hold'->>'kind'";
const BY_BRAKE = `sum(case when ${HOLD_KIND} is null and state in ('held', 'approved', 'discarded') then 1 else 0 end)`;
/** Null where the brake alone held one of them, or two were held for different reasons. */
const ONE_HOLD_KIND = `case when ${BY_BRAKE} = 0 and min(${HOLD_KIND}) = max(${HOLD_KIND}) then min(${HOLD_KIND}) end as hold_kind`;

/** The oldest first. */
export async function causesOfIncident(
  db: Db,
  incidentId: string,
  limit: number,
): Promise<readonly CauseOfLosses[]> {
  const rows = await db('losses')
    .where({ incident_id: incidentId })
    .whereNotNull('cause')
    .groupBy('cause')
    .select('cause', db.raw(ONE_HOLD_KIND))
    .countDistinct({ n: 'person_key' })
    .min({ at: 'since' })
    .orderByRaw('min(since), cause')
    .limit(limit);
  return rows.map((row: Record<string, unknown>) => ({
    correlationId: row.cause as string,
    people: Number(row.n),
    at: row.at as string,
    holdKind: row.hold_kind as HoldKind | null,
  }));
}

export interface UndoCounts {
  readonly requested: number;
  readonly given: number;
  readonly moved: number;
  readonly impossible: number;
}

/**
 * How many losses of the incident an admin wanted back, and how many were given back or could not be; the others are
 * under way.
 */
export async function countUndone(db: Db, incidentId: string): Promise<UndoCounts> {
  const rows: { state: string; n: unknown }[] = await db('losses')
    .where({ incident_id: incidentId })
    .whereNotNull('undo_at')
    .groupBy('state')
    .select('state')
    .count({ n: '*' });
  const count = (state: LossState) => Number(rows.find((row) => row.state === state)?.n ?? 0);
  return {
    requested: rows.reduce((sum, row) => sum + Number(row.n), 0),
    given: count('undone'),
    moved: count('moved'),
    impossible: count('impossible'),
  };
}

/** Losses that stores have taken and nobody has wanted back yet. */
export function takenOf(
  db: Db,
  incidentId: string,
  filter: { readonly column: 'person_key' | 'cause'; readonly values: readonly string[] } | 'all',
): Promise<readonly LossRecord[]> {
  const query = () =>
    db('losses')
      .where({ incident_id: incidentId })
      .whereIn('state', ['taken', 'approved'])
      .whereNull('undo_at')
      .where((gone) => gone.whereNotNull('done_at').orWhere({ standing: true }));
  return filter === 'all' ? query().then(toLosses) : inParts(filter, query);
}

async function inParts(
  { column, values }: { readonly column: string; readonly values: readonly string[] },
  query: () => ReturnType<Db>,
): Promise<readonly LossRecord[]> {
  const found: LossRecord[] = [];
  for (const some of chunks(values)) found.push(...toLosses(await query().whereIn(column, some)));
  return found;
}

function toLosses(rows: readonly Record<string, unknown>[]): LossRecord[] {
  return rows.map(toLoss);
}

/** How many people lost something, on any store, and have not got it back. */
export async function countLost(db: Db, incidentId: string): Promise<number> {
  const lost = db('losses').where({ incident_id: incidentId }).whereNotNull('done_at');
  const row = await lost.whereNot({ state: 'undone' }).countDistinct({ n: 'person_key' }).first();
  return Number(row?.n ?? 0);
}

/** The people with held losses. */
export async function heldPeople(db: Db, incidentId: string): Promise<readonly string[]> {
  const rows = await db('losses').where({ incident_id: incidentId, state: 'held' }).distinct('person_key');
  return rows.map((row: { person_key: string }) => row.person_key);
}
