/** What a gate looks up of a subject before every change, in one statement: mostly there is nothing. */

import type { Subject } from '../../model/subject.ts';
import { fromBoolean } from '../columns.ts';
import type { Db } from '../open.ts';
import { type LossRecord, toLoss } from './losses.ts';

export interface GateBooks {
  /** Everything that stands of the subject: what is held, approved, discarded or given back. */
  readonly known: readonly LossRecord[];
  /** Changes of an applied preview, of whomever, are still to be made on the store. */
  readonly isSomeApplied: boolean;
}

export async function booksOfGate(tx: Db, storeId: string, { kind, id }: Subject): Promise<GateBooks> {
  const applied = tx('applied_changes').where({ store_id: storeId }).select(tx.raw('1'));
  const rows: readonly Record<string, unknown>[] = await tx
    .from(tx.raw('(select exists ? as some_applied) as asked', [applied]))
    .leftJoin('losses as l', (on) => {
      on.onVal('l.store_id', storeId).andOnVal('l.kind', kind).andOnVal('l.subject_id', id);
      on.andOnVal('l.standing', tx.raw('?', [true]));
    })
    .orderBy(['l.since', 'l.id'])
    .select('l.*', 'asked.some_applied');
  return {
    known: rows.filter((row) => row.id !== null).map(toLoss),
    isSomeApplied: fromBoolean(rows[0]?.some_applied),
  };
}
