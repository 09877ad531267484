/**
 * What a gate looks up of a subject before every change, in one statement. Usually it finds nothing. Where nothing
 * else must be known, the same statement writes down the intent.
 */

import type { Subject } from '../../model/subject.ts';
import { fromBoolean, toJson } from '../columns.ts';
import { kept } from '../knex/kept.ts';
import { type Db, dialectOf, isCrossed } from '../open.ts';
import type { Lease } from '../queue/leases.ts';
import type { Intent } from '../queue/queue.ts';
import { holding, inLower, type Key } from '../seen/keys.ts';
import { storeHeld } from '../stores/contextVersions.ts';
import { type LossRecord, toLoss } from './losses.ts';

export interface GateBooks {
  /** All standing losses of the subject: held, approved, discarded or given back. */
  readonly known: readonly LossRecord[];
  /** Changes of an applied preview are still to be made on the store, for any subject. */
  readonly isSomeApplied: boolean;
  /** Another account or group of the store has one of the keys. */
  readonly isKeyHeld: boolean;
}

/** `keys`: the keys that the subject wants. */
export async function booksOfGate(
  tx: Db,
  storeId: string,
  subject: Subject,
  keys: readonly Key[],
): Promise<GateBooks> {
  const { kind, id } = subject;
  const one = tx.raw('1');
  const applied = appliedOn(tx, storeId).select(one);
  const rows: readonly Record<string, unknown>[] = await tx
    .from(
      tx.raw('(select exists ? as some_applied, ? as key_held) as asked', [
        applied,
        keys.length === 0
          ? false
          : tx.raw('exists ?', [holding(tx, storeId, subject, keys.map(inLower)).select(one)]),
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

function appliedOn(db: Db, storeId: string) {
  return db('applied_changes').where({ store_id: storeId });
}

/** A plan that takes nothing from anybody. */
export interface HarmlessPlan {
  readonly taskId: string;
  readonly subject: Subject;
  /** The keys that the subject wants. */
  readonly keys: readonly Key[];
  readonly contextVersion: number;
}

/**
 * Writes down the intent if this worker has the lease, the settings are those of the plan, and the books have
 * nothing. It is one statement, which until its end holds what `holdStore` holds. Otherwise it writes nothing and
 * answers false.
 */
export async function announceUnhindered(
  db: Db,
  lease: Lease,
  plan: HarmlessPlan,
  intent: Intent,
): Promise<boolean> {
  const announce = async (tx: Db): Promise<boolean> =>
    (await announced(tx, { ...plan, lease, keys: plan.keys.map(inLower), intent: toJson(intent) })) === 1;
  // On SQLite, transactions can share a commit.
  if (dialectOf(db) === 'sqlite') return db.transaction(announce);
  return announce(db).catch((error: unknown) => {
    if (isCrossed(error)) return false;
    throw error;
  });
}

const announced = kept<number, HarmlessPlan & { readonly lease: Lease; readonly intent: string }>(
  (tx, { lease, taskId, subject, keys, contextVersion, intent }) => {
    const { peerId: storeId } = lease;
    const standing = { store_id: storeId, kind: subject.kind, subject_id: subject.id, standing: true };
    const query = tx('tasks')
      .with('held', storeHeld(tx, lease, 'share'))
      .where({ id: taskId })
      .whereExists(tx('held').where({ context_version: contextVersion }).select('context_version'))
      .whereNotExists(appliedOn(tx, storeId).select('store_id'))
      .whereNotExists(tx('losses').where(standing).select('id'));
    if (keys.length > 0) query.whereNotExists(holding(tx, storeId, subject, keys).select('l.id'));
    return query.update({ intent });
  },
);
