/**
 * Losses that stores have taken and an admin wants back. The row is the wish; the next attempt at its subject fulfils
 * it, or says why it cannot. A wish is written once, so nothing is given back twice.
 */

import type { Knex } from 'knex';
import type { LossState } from '../../model/loss.ts';
import type { Subject } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import type { Db } from '../open.ts';
import { type LossRecord, toLoss } from './losses.ts';

export interface Wish {
  /** Who wants it back, by name. */
  readonly by: string;
  /** ISO time */
  readonly at: string;
}

/** Marks the losses that nobody has wanted back before. */
export async function wantBack(tx: Db, ids: readonly string[], { by, at }: Wish): Promise<void> {
  for (const some of chunks(ids))
    await tx('losses').whereIn('id', some).whereNull('undo_at').update({ undo_by: by, undo_at: at });
}

/** The losses of a subject on a store that an admin wants back, the oldest first. */
export async function wantedBack(db: Db, storeId: string, subject: Subject): Promise<readonly LossRecord[]> {
  const rows = await open(db)
    .where({ store_id: storeId, kind: subject.kind, subject_id: subject.id })
    .orderBy(['since', 'id']);
  return rows.map(toLoss);
}

/** For `exists`: the same for the subject of each task in `tasks`. */
export function wantedBackOf(db: Db, tasks: string): Knex.QueryBuilder {
  const same = ['store_id', 'kind', 'subject_id'].map((name) => [name, db.ref(`${tasks}.${name}`)]);
  return open(db).where(Object.fromEntries(same)).select(db.raw('1'));
}

/** Groups with memberships of the person that an admin wants back. */
export async function groupsWantedBack(
  db: Db,
  storeId: string,
  personId: string,
): Promise<readonly string[]> {
  const rows = await open(db)
    .where({ store_id: storeId, kind: 'group', person_key: personId })
    .distinct('subject_id');
  return rows.map((row: { subject_id: string }) => row.subject_id);
}

/** Of these people, those whose account an admin wants back and does not have yet. */
export async function accountsWantedBack(
  db: Db,
  storeId: string,
  personIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const some of chunks(personIds)) {
    const rows = await open(db)
      .where({ store_id: storeId, kind: 'user' })
      .whereIn('subject_id', some)
      .distinct('subject_id');
    for (const row of rows) found.add(row.subject_id);
  }
  return found;
}

function open(db: Db) {
  return db('losses').whereNotNull('undo_at').whereIn('state', ['taken', 'approved']);
}

/**
 * Records how giving back ended. What was given back stands: the bridge does not take it again while the directory
 * wants what it wanted.
 */
export async function endGiveBack(
  tx: Db,
  ids: readonly string[],
  state: Extract<LossState, 'undone' | 'moved' | 'impossible'>,
  reason: string,
): Promise<void> {
  for (const some of chunks(ids))
    await tx('losses')
      .whereIn('id', some)
      .update({ state, reason, standing: state === 'undone' });
}
