/** What a gate looks up of a subject before every change, in one statement: mostly there is nothing. */

import type { Subject } from '../../model/subject.ts';
import { fromBoolean } from '../columns.ts';
import type { Db } from '../open.ts';
import { holding, type Key } from '../seen/keys.ts';
import { type LossRecord, toLoss } from './losses.ts';

export interface GateBooks {
  /** Everything that stands of the subject: what is held, approved, discarded or given back. */
  readonly known: readonly LossRecord[];
  /** Changes of an applied preview, of whomever, are still to be made on the store. */
  readonly isSomeApplied: boolean;
  /** Another account or group of the store has one of the keys. */
  readonly isKeyHeld: boolean;
}

/** `keys`: those that the subject wants. */
export async function booksOfGate(
  tx: Db,
  storeId: string,
  subject: Subject,
  keys: readonly Key[],
): Promise<GateBooks> {
  const { kind, id } = subject;
  const one = tx.raw('1');
  const applied = tx('applied_changes').where({ store_id: storeId }).select(one);
  const rows: readonly Record<string, unknown>[] = await tx
    .from(
      tx.raw('(select exists ? as some_applied, ? as key_held) as asked', [
        applied,
        keys.length === 0 ? false : tx.raw('exists ?', [holding(tx, storeId, subject, keys).select(one)]),
      ]),
    )
    .leftJoin('losses as l', (on) => {
      on.onVal('l.store_id', storeId).andOnVal('l.kind', kind).andOnVal('l.subject_id', id);
      on.andOnVal('l.standing', tx.raw('?', [true]));
    })
    .orderBy(['l.since', 'l.id'])
    .select('l.*', 'asked.some_applied', 'asked.key_held');
  return {
    known: rows.filter((row) => row.id !== null).map(toLoss),
    isSomeApplied: fromBoolean(rows[0]?.some_applied),
    isKeyHeld: fromBoolean(rows[0]?.key_held),
  };
}
