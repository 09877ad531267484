/**
 * Whose memberships changed since a group was last settled on a store. With this hint, one changed member of a large
 * group costs as much as one of a small group. The hint only says where to look: without it, and above a limit, the
 * attempt looks at the whole group.
 */

import { chunks } from '../chunks.ts';
import type { Db } from '../open.ts';

/** With more people than this, the attempt looks at the whole group. */
export const CHANGED_MEMBERS_MAX = 200;

/** `people`: null where the whole subject may have changed. */
export function isHint(people: readonly string[] | null): people is readonly string[] {
  return people !== null && people.length <= CHANGED_MEMBERS_MAX;
}

/** Part of the transaction that wrote the tasks. `seq`: of each task. */
export async function addChangedMembers(
  tx: Db,
  tasks: readonly { readonly id: string; readonly seq: number }[],
  people: readonly string[],
): Promise<void> {
  const rows = tasks.flatMap(({ id: task_id, seq }) =>
    [...new Set(people)].map((person_id) => ({ task_id, person_id, seq })),
  );
  if (rows.length === 0) return;
  for (const some of chunks(rows))
    await tx('task_members').insert(some).onConflict(['task_id', 'person_id']).merge(['seq']);
  // A task that is new knows of nobody else.
  if (tasks.every(({ seq }) => seq === 1)) return;
  const known = tx('task_members')
    .where({ task_id: tx.ref('tasks.id') })
    .count('*');
  const ids = tasks.map(({ id }) => id);
  await tx('tasks')
    .whereIn('id', ids)
    .where(CHANGED_MEMBERS_MAX, '<', known)
    .update({ whole_seq: tx.ref('seq') });
}

/** An attempt has settled what had changed up to `seq`. */
export async function forgetChangedMembers(tx: Db, taskId: string, seq: number): Promise<void> {
  await tx('task_members').where({ task_id: taskId }).where('seq', '<=', seq).delete();
  await tx('tasks').where({ id: taskId }).where('whole_seq', '<=', seq).update({ whole_seq: null });
}

/** The hints name a person who no longer leads to the memberships, so those tasks look at the whole group. */
export async function lookAtAllMembers(tx: Db, personId: string): Promise<void> {
  await tx('tasks')
    .whereIn('id', tx('task_members').where({ person_id: personId }).select('task_id'))
    .update({ seq: tx.raw('seq + 1'), whole_seq: tx.raw('seq + 1') });
}
