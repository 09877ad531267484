/** What a run would do, or did, line by line, and what admins decided about held lines. */

import { type AttributeChange, lossKey, takes } from '../../model/pull/losses.ts';
import type { PullOp } from '../../model/pull/pull.ts';
import type { Kind } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import { fromJson, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export type LineState = 'planned' | 'held' | 'approved' | 'discarded' | 'done' | 'refused';

export interface Line {
  readonly seq: number;
  readonly op: PullOp;
  readonly kind: Kind;
  readonly sourceId: string;
  /** The id in the directory; null for something that is not there yet. */
  readonly subjectId: string | null;
  readonly personId: string | null;
  readonly display: string;
  readonly detail: LineDetail;
  readonly state: LineState;
  readonly reason: string | null;
  /** An admin called off the losses that stores take because of it. */
  readonly isCalledOff: boolean;
}

export interface LineDetail {
  readonly attributes?: readonly AttributeChange[];
  /**
   * Attributes that stay as the directory has them, whatever the source says, because an admin declined to change
   * them.
   */
  readonly keeps?: readonly string[];
  /** For a removal: the connection's settings leave the record out, but the source still has it. */
  readonly filtered?: true;
  /** For a membership. */
  readonly group?: { readonly sourceId: string; readonly display: string };
  /** The name to sign in by, of a user who is made. */
  readonly userName?: string;
  /** The manager's id at the source; null: none. */
  readonly manager?: string | null;
  /** The same for lines whose names move in a circle: they are carried out together. */
  readonly circle?: string;
}

export type NewLine = Omit<Line, 'seq' | 'state' | 'reason' | 'isCalledOff'>;

export async function insertLines(db: Db, runId: string, firstSeq: number, lines: readonly NewLine[]) {
  let seq = firstSeq;
  for (const some of chunks(lines)) {
    await db('pull_changes').insert(
      some.map((line) => ({
        run_id: runId,
        seq: seq++,
        op: line.op,
        kind: line.kind,
        source_id: line.sourceId,
        subject_id: line.subjectId,
        person_id: line.personId,
        display: line.display,
        detail: toJson(line.detail),
        state: 'planned',
        is_loss: takes(line),
      })),
    );
  }
}

const DROPPED_AT_ONCE = 2_000;

/** Drops a page of the run's lines. */
export async function dropSomeLines(db: Db, runId: string) {
  const some = db('pull_changes')
    .where({ run_id: runId })
    .orderBy('seq')
    .limit(DROPPED_AT_ONCE)
    .select('seq');
  const dropped = await db('pull_changes').where({ run_id: runId }).whereIn('seq', some).delete();
  return { isLast: dropped < DROPPED_AT_ONCE };
}

/** Drops the lines that are neither held nor decided. */
export async function dropPlannedLines(db: Db, runId: string): Promise<void> {
  await db('pull_changes').where({ run_id: runId, state: 'planned' }).delete();
}

/** Holds every planned loss of the run. */
export async function holdLosses(db: Db, runId: string, reason: string): Promise<void> {
  await db('pull_changes')
    .where({ run_id: runId, state: 'planned', is_loss: true })
    .update({ state: 'held', reason });
}

/** The lines in these states, in order, after `after`. */
export async function linesOf(
  db: Db,
  runId: string,
  states: readonly LineState[] | null,
  after: number,
  limit: number,
): Promise<readonly Line[]> {
  const query = db('pull_changes').where({ run_id: runId }).where('seq', '>', after);
  if (states) query.whereIn('state', states);
  return (await query.orderBy('seq').limit(limit)).map(toLine);
}

export async function countLines(
  db: Db,
  runId: string,
  states: readonly LineState[] | null,
): Promise<number> {
  const query = db('pull_changes').where({ run_id: runId });
  if (states) query.whereIn('state', states);
  const row = await query.count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

/** How many lines of each kind the run has. */
export async function countLinesByOp(db: Db, runId: string): Promise<ReadonlyMap<PullOp, number>> {
  const rows: Record<string, unknown>[] = await db('pull_changes')
    .where({ run_id: runId })
    .groupBy('op')
    .select('op')
    .count({ n: '*' });
  return new Map(rows.map(({ op, n }) => [op as PullOp, Number(n)]));
}

export async function markLines(
  db: Db,
  runId: string,
  seqs: readonly number[],
  state: LineState,
  reason: string | null = null,
): Promise<void> {
  for (const some of chunks(seqs)) {
    await db('pull_changes').where({ run_id: runId }).whereIn('seq', some).update({ state, reason });
  }
}

/** Records an admin's decision on held lines that pass, and answers them. */
export async function decideLines(
  db: Db,
  runId: string,
  passes: (line: Line) => boolean,
  decision: { readonly state: 'approved' | 'discarded'; readonly by: string; readonly at: string },
): Promise<readonly Line[]> {
  const held: Line[] = (await db('pull_changes').where({ run_id: runId, state: 'held' }).orderBy('seq')).map(
    toLine,
  );
  const chosen = held.filter(passes);
  for (const some of chunks(chosen.map(({ seq }) => seq))) {
    await db('pull_changes')
      .where({ run_id: runId })
      .whereIn('seq', some)
      .update({ state: decision.state, decided_by: decision.by, decided_at: decision.at });
  }
  return chosen;
}

/** The keys of the connection's losses that an admin discarded and that every scan has shown since. */
export async function discardedLosses(db: Db, connectionId: string): Promise<ReadonlySet<string>> {
  const rows = await db('pull_changes as c')
    .join('pull_runs as r', 'r.id', 'c.run_id')
    .where({ 'r.connection_id': connectionId, 'c.state': 'discarded' })
    .select('c.*');
  return new Set(rows.map((row: Record<string, unknown>) => lossKey(toLine(row))));
}

/**
 * Forgets discarded losses that a scan no longer shows: should the same loss come up again, an admin is asked again.
 */
export async function forgetDiscarded(
  db: Db,
  connectionId: string,
  keep: ReadonlySet<string>,
): Promise<void> {
  const rows = await db('pull_changes as c')
    .join('pull_runs as r', 'r.id', 'c.run_id')
    .where({ 'r.connection_id': connectionId, 'c.state': 'discarded' })
    .select('c.*');
  for (const row of rows) {
    if (keep.has(lossKey(toLine(row)))) continue;
    await db('pull_changes').where({ run_id: row.run_id, seq: row.seq }).update({ state: 'refused' });
  }
}

export function toLine(row: Record<string, unknown>): Line {
  return {
    seq: Number(row.seq),
    op: row.op as PullOp,
    kind: row.kind as Kind,
    sourceId: row.source_id as string,
    subjectId: row.subject_id as string | null,
    personId: row.person_id as string | null,
    display: row.display as string,
    detail: fromJson(row.detail),
    state: row.state as LineState,
    reason: row.reason as string | null,
    isCalledOff: row.undo_at !== null && row.undo_at !== undefined,
  };
}
