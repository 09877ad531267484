/**
 * Losses that a run brought into the directory and that an admin called off. The directory stays as its source says.
 * Stores give back what they took because of it, and take nothing more.
 */

import type { Subject } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import type { Db } from '../open.ts';
import { type Line, toLine } from './changes.ts';

/** Marks the run's approved losses that pass and that nobody called off before, and answers them. */
export async function callOffLines(
  tx: Db,
  runId: string,
  passes: (line: Line) => boolean,
  { by, at }: { readonly by: string; readonly at: string },
): Promise<readonly Line[]> {
  const rows = await tx('pull_changes')
    .where({ run_id: runId, is_loss: true })
    .whereIn('state', ['approved', 'done'])
    .whereNull('undo_at')
    .orderBy('seq');
  const chosen = rows.map(toLine).filter(passes);
  for (const some of chunks(chosen.map(({ seq }) => seq)))
    await tx('pull_changes')
      .where({ run_id: runId })
      .whereIn('seq', some)
      .update({ undo_by: by, undo_at: at });
  return chosen;
}

export interface CalledOff {
  readonly incidentId: string;
  /** Who called it off, by name. */
  readonly by: string;
  /** ISO time */
  readonly at: string;
}

/**
 * Of these people, those from whom an admin wants nothing taken for this cause. `subject`: the task's; where an admin
 * called off the removal of a whole group, no membership there ends.
 */
export async function calledOff(
  db: Db,
  cause: string | null,
  subject: Subject,
  personKeys: readonly string[],
): Promise<ReadonlyMap<string, CalledOff>> {
  const found = new Map<string, CalledOff>();
  if (cause === null || personKeys.length === 0) return found;
  const undone = () =>
    db('pull_changes as c')
      .join('pull_runs as r', 'r.id', 'c.run_id')
      .where({ 'r.correlation_id': cause })
      .whereNotNull('r.incident_id')
      .whereNotNull('c.undo_at')
      .select('c.person_id', 'c.undo_by', 'c.undo_at', 'r.incident_id');
  const note = (personKey: string, row: Record<string, string>) =>
    found.set(personKey, {
      incidentId: row.incident_id as string,
      by: row.undo_by as string,
      at: row.undo_at as string,
    });
  const group =
    subject.kind === 'group' &&
    (await undone().where({ 'c.kind': 'group', 'c.subject_id': subject.id }).first());
  if (group) {
    for (const key of personKeys) note(key, group);
    return found;
  }
  for (const some of chunks(personKeys))
    for (const row of await undone().whereIn('c.person_id', some)) note(row.person_id, row);
  return found;
}
