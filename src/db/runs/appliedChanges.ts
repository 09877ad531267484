/**
 * The changes of an applied preview that are still to be made: one row each, deleted when the change is made. Rows
 * that are left when the run ends count as refused, because the plan is no longer the same.
 */

import { chunks } from '../chunks.ts';
import { fromBoolean, fromJson, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export interface AppliedChange {
  readonly changeKey: string;
  readonly runId: string;
  /** The admin also applied what the brake held in the preview. */
  readonly includeHeld: boolean;
  /** The change as the preview listed it. */
  readonly body: Readonly<Record<string, unknown>>;
}

const ROWS_PER_INSERT_MAX = 100;
/** A later preview takes over what an earlier one has not done yet. */
export async function insertApplied(
  db: Db,
  storeId: string,
  changes: readonly AppliedChange[],
  at: string,
): Promise<void> {
  for (let from = 0; from < changes.length; from += ROWS_PER_INSERT_MAX) {
    const rows = changes.slice(from, from + ROWS_PER_INSERT_MAX).map((change) => ({
      store_id: storeId,
      change_key: change.changeKey,
      run_id: change.runId,
      include_held: change.includeHeld,
      body: toJson(change.body),
      created_at: at,
    }));
    await db('applied_changes').insert(rows).onConflict(['store_id', 'change_key']).merge();
  }
}

/** Which of these changes an admin applied, by key. */
export async function appliedAmong(
  db: Db,
  storeId: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, AppliedChange>> {
  const found = new Map<string, AppliedChange>();
  for (const some of chunks(keys)) {
    const rows = await db('applied_changes').where({ store_id: storeId }).whereIn('change_key', some);
    for (const change of rows.map(toApplied)) found.set(change.changeKey, change);
  }
  return found;
}

/** Deletes the row of a change that was made. */
export async function consumeApplied(db: Db, storeId: string, changeKey: string): Promise<void> {
  await db('applied_changes').where({ store_id: storeId, change_key: changeKey }).delete();
}

/** Deletes all rows that a run left. Answers at most `limit` of them, and how many there were. */
export async function takeLeftover(
  db: Db,
  runId: string,
  limit: number,
): Promise<{ readonly items: readonly AppliedChange[]; readonly count: number }> {
  const rows = await db('applied_changes').where({ run_id: runId }).orderBy('change_key').limit(limit);
  const count = await db('applied_changes').where({ run_id: runId }).delete();
  return { items: rows.map(toApplied), count };
}

function toApplied(row: Record<string, unknown>): AppliedChange {
  return {
    changeKey: row.change_key as string,
    runId: row.run_id as string,
    includeHeld: fromBoolean(row.include_held),
    body: fromJson(row.body),
  };
}
