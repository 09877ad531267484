/** What a run would do, or did, line by line; and what admins decided about those that are held. */

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
  /** In the directory; null for what is not there yet. */
  readonly subjectId: string | null;
  readonly personId: string | null;
  readonly display: string;
  readonly detail: LineDetail;
  readonly state: LineState;
  readonly reason: string | null;
  /** An admin called off what stores do for it. */
  readonly isCalledOff: boolean;
}

export interface LineDetail {
  readonly attributes?: readonly AttributeChange[];
  /** Attributes that stay as the directory has them, whatever the source says: an admin declined to change them. */
  readonly keeps?: readonly string[];
  /** Of whom, or what, is removed: the settings leave it out, and at the source it is there. */
  readonly filtered?: true;
  /** Of a membership. */
  readonly group?: { readonly sourceId: string; readonly display: string };
  /** Of whoever is made: the name to sign in by. */
  readonly userName?: string;
  /** The manager's id at the source; null: none. */
  readonly manager?: string | null;
  /** The same for those in a row whose names go round among them: they are carried out together. */
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

/** What is neither held nor decided. */
export async function dropPlannedLines(db: Db, runId: string): Promise<void> {
  await db('pull_changes').where({ run_id: runId, state: 'planned' }).delete();
}

/** Every planned loss of the run waits. */
export async function holdLosses(db: Db, runId: string, reason: string): Promise<void> {
  await db('pull_changes')
    .where({ run_id: runId, state: 'planned', is_loss: true })
    .update({ state: 'held', reason });
}

/** Those in these states, in order, after `after`. */
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

/** An admin's word on held lines, those that pass. Answers them. */
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

/** Losses of the connection that somebody discarded and that scans have shown ever since, as keys. */
export async function discardedLosses(db: Db, connectionId: string): Promise<ReadonlySet<string>> {
  const rows = await db('pull_changes as c')
    .join('pull_runs as r', 'r.id', 'c.run_id')
    .where({ 'r.connection_id': connectionId, 'c.state': 'discarded' })
    .select('c.*');
  return new Set(rows.map((row: Record<string, unknown>) => lossKey(toLine(row))));
}

/** A scan shows them no more: whoever comes to lose the same again is asked about again. */
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
