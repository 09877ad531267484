/** Who works on an incident, and the notes that people wrote about it. */

import { newId } from '../../support/ids.ts';
import { type Db, forUpdate } from '../open.ts';
import type { IncidentRecord } from './incidents.ts';

/** Locks the incident's claim: nobody else claims it until the transaction ends. */
export async function lockClaim(tx: Db, id: string): Promise<IncidentRecord['claimedBy']> {
  const row = await forUpdate(tx, tx('incidents').where({ id })).first(
    'claimed_by_id',
    'claimed_by_name',
    'claimed_at',
  );
  return row?.claimed_at ? { id: row.claimed_by_id, name: row.claimed_by_name, at: row.claimed_at } : null;
}

export async function saveClaim(
  tx: Db,
  incidentId: string,
  { id, name, at }: NonNullable<IncidentRecord['claimedBy']>,
): Promise<void> {
  await tx('incidents')
    .where({ id: incidentId })
    .update({ claimed_by_id: id, claimed_by_name: name, claimed_at: at });
}

export interface IncidentNote {
  /** ISO time */
  readonly at: string;
  /** Who wrote it, by name. */
  readonly by: string;
  readonly text: string;
}

export async function insertNote(db: Db, incidentId: string, note: IncidentNote): Promise<void> {
  await db('incident_notes').insert({ id: newId(), incident_id: incidentId, ...note });
}

/** The oldest first. */
export async function notesOf(db: Db, incidentId: string): Promise<readonly IncidentNote[]> {
  const rows = await db('incident_notes')
    .where({ incident_id: incidentId })
    .orderBy(['at', 'id'])
    .select('at', 'by', 'text');
  return rows.map(({ at, by, text }: IncidentNote) => ({ at, by, text }));
}
