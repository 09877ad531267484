/**
 * Losses: each row is one change that takes something from a person on a store. It waits for a decision, carries one,
 * or says that the store took it. A row executes nothing: every attempt plans anew, and obeys the standing rows.
 * Lists are in `heldLists.ts`, incidents' losses in `incidentLosses.ts`.
 */

import type { Knex } from 'knex';
import type { Change } from '../../model/change.ts';
import type { LossState } from '../../model/loss.ts';
import type { Kind, Subject } from '../../model/subject.ts';
import { newId } from '../../support/ids.ts';
import { chunks } from '../chunks.ts';
import { fromBoolean, fromJson, toJson } from '../columns.ts';
import { type Write, writing } from '../knex/writing.ts';
import type { Db } from '../open.ts';

/** People who left come before other losses, and those before held changes that take nothing. */
export const LOSS_RANK = { person: 0, other: 1, none: 2 } as const;

export interface LossRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly storeId: string;
  /** The subject of its task: the person, or the SCIM group. */
  readonly subject: Subject;
  /** The person who loses something; the remote account's id where the account has no link. */
  readonly personKey: string;
  /** `changeKey` of the change. */
  readonly changeKey: string;
  readonly change: Change;
  /** What the directory wanted then. Once it wants something else, a decision counts no more. */
  readonly desired: string;
  /** The correlation id of its cause; null where nobody knows it. */
  readonly cause: string | null;
  readonly reason: string;
  readonly rank: number;
  readonly state: LossState;
  /** It counts for the next plan: it waits, or carries a decision that counts. */
  readonly standing: boolean;
  /** Null where the store took it and it belongs to no incident. */
  readonly incidentId: string | null;
  readonly decidedBy: string | null;
  /** ISO times: when it was held or taken, decided, and taken by the store. */
  readonly since: string;
  readonly decidedAt: string | null;
  readonly doneAt: string | null;
  /** Who asked for it to be given back, and when. */
  readonly undoBy: string | null;
  readonly undoAt: string | null;
}

type Fresh = Pick<
  LossRecord,
  | 'environmentId'
  | 'storeId'
  | 'subject'
  | 'personKey'
  | 'changeKey'
  | 'change'
  | 'desired'
  | 'cause'
  | 'rank'
  | 'incidentId'
>;
export type NewHeld = Fresh & Pick<LossRecord, 'reason'>;
export type NewTaken = Omit<Fresh, 'incidentId'>;

const ROWS_PER_INSERT_MAX = 50;
const UNDECIDED = { decidedBy: null, decidedAt: null, undoBy: null, undoAt: null };

/** `since` is an ISO time. Answers the rows in the order given. */
export async function insertHeld(
  db: Db,
  rows: readonly NewHeld[],
  since: string,
): Promise<readonly LossRecord[]> {
  const records = rows.map((row): LossRecord => {
    return { ...row, ...UNDECIDED, id: newId(), state: 'held', standing: true, since, doneAt: null };
  });
  await insertLosses(db, records);
  return records;
}

/** Inserts losses that must not happen while the directory wants what it wants now. Answers their ids. */
export async function insertDiscarded(
  db: Db,
  rows: readonly (NewHeld & Pick<LossRecord, 'decidedBy'>)[],
  at: string,
): Promise<readonly string[]> {
  const discarded = { state: 'discarded', standing: true, since: at, decidedAt: at, doneAt: null } as const;
  const records = rows.map((row) => ({ ...UNDECIDED, ...row, ...discarded, id: newId() }));
  await insertLosses(db, records);
  return records.map(({ id }) => id);
}

/**
 * Inserts a loss that the store took at the ISO time `at`, with no decision needed. `incidents`: queries for the id of
 * an incident; the first that finds one counts. Answers the ids of the loss and of its incident.
 */
export async function insertTaken(
  db: Db,
  row: NewTaken,
  at: string,
  incidents: readonly Knex.QueryBuilder[],
): Promise<{ readonly id: string; readonly incidentId: string | null }> {
  const taken = { state: 'taken', standing: false, reason: '', id: newId(), since: at, doneAt: at } as const;
  // SQLite wants two values at least.
  const first = db.raw(`coalesce(${incidents.map(() => '?').join()}, null)`, [...incidents]);
  const [inserted] = await db('losses')
    .insert({ ...toRow({ ...row, ...UNDECIDED, ...taken, incidentId: null }), incident_id: first })
    .returning('incident_id');
  return { id: taken.id, incidentId: inserted.incident_id };
}

/** The admin wants it back, and said so while the store took it. */
export async function wishBack(
  db: Db,
  id: string,
  { by, at }: { readonly by: string; readonly at: string },
): Promise<void> {
  await db('losses').where({ id }).update({ undo_by: by, undo_at: at });
}

async function insertLosses(db: Db, records: readonly LossRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += ROWS_PER_INSERT_MAX)
    await db('losses').insert(records.slice(from, from + ROWS_PER_INSERT_MAX).map(toRow));
}

/** All standing losses of a subject on a store: held, approved, discarded or given back. */
export function standingOfSubject(db: Db, storeId: string, subject: Subject): Promise<readonly LossRecord[]> {
  return standingOfSubjects(db, storeId, subject.kind, [subject.id]);
}

/** The same for many subjects. */
export async function standingOfSubjects(
  db: Db,
  storeId: string,
  kind: Kind,
  subjectIds: readonly string[],
): Promise<readonly LossRecord[]> {
  const found: LossRecord[] = [];
  for (const some of chunks(subjectIds)) {
    const rows = await db('losses')
      .where({ store_id: storeId, kind, standing: true })
      .whereIn('subject_id', some)
      .orderBy('since')
      .orderBy('id');
    found.push(...rows.map(toLoss));
  }
  return found;
}

/** The same for everything that one person would lose or get, memberships included. */
export async function standingOfPerson(
  db: Db,
  storeId: string,
  personKey: string,
): Promise<readonly LossRecord[]> {
  const rows = await db('losses').where({ store_id: storeId, person_key: personKey, standing: true });
  return rows.map(toLoss);
}

export interface Decision {
  readonly state: 'approved' | 'discarded';
  /** Who decided, by name. */
  readonly by: string;
  /** ISO time */
  readonly at: string;
}

/** Decides the rows that are still held, and answers how many. */
export function decideHeld(db: Db, ids: readonly string[], decision: Decision): Promise<number> {
  return decide(db, 'held', ids, decision);
}

/** Takes back approvals that no store has carried out yet. */
export function revokeApprovals(db: Db, ids: readonly string[], by: string, at: string): Promise<number> {
  return decide(db, 'approved', ids, { state: 'discarded', by, at });
}

async function decide(
  db: Db,
  from: 'held' | 'approved',
  ids: readonly string[],
  { state, by, at }: Decision,
): Promise<number> {
  let decided = 0;
  for (const some of chunks(ids)) {
    decided += await db('losses')
      .where({ state: from, standing: true })
      .whereIn('id', some)
      .update({ state, decided_by: by, decided_at: at });
  }
  return decided;
}

/**
 * The store took a loss that an admin had allowed. If the admin took the approval back while the call was under way,
 * the loss counts as wanted back.
 */
export async function finishApproved(db: Db, id: string, at: string): Promise<boolean> {
  const row = await db('losses').where({ id }).first('state');
  const since = (column: string, decided: string) =>
    db.raw("case when state = 'discarded' then ?? else ?? end", [decided, column]);
  await db('losses')
    .where({ id })
    .update({
      ...{ state: 'approved', standing: false, done_at: at },
      ...{ undo_by: since('undo_by', 'decided_by'), undo_at: since('undo_at', 'decided_at') },
    });
  return row?.state === 'held';
}

/** Losses that are no longer planned count for no later plan; the incident still shows them. */
export async function retireLosses(db: Db, ids: readonly string[]): Promise<void> {
  for (const some of chunks(ids)) await retiring(db('losses').whereIn('id', some), db);
}

/** The person is back: losses that would end their access, and decisions about them, no longer count on any store. */
export function retiringLossesOfPerson(personId: string): Write {
  return writing(retireOfPerson, { personId });
}

function retireOfPerson(db: Db, { personId }: { readonly personId: string }) {
  const losses = { kind: 'user', subject_id: personId, standing: true, rank: LOSS_RANK.person };
  return retiring(db('losses').where(losses), db);
}

function retiring(losses: ReturnType<Db>, db: Db) {
  return losses.update({
    standing: false,
    state: db.raw("case when state in ('held', 'approved') then 'moved' else state end"),
  });
}

/** The SCIM groups with a standing row that ends a membership of the person. */
export async function groupsLosing(db: Db, storeId: string, personId: string): Promise<readonly string[]> {
  const rows = await db('losses')
    .where({ store_id: storeId, kind: 'group', person_key: personId, standing: true })
    .distinct('subject_id');
  return rows.map((row: { subject_id: string }) => row.subject_id);
}

/** Deletes losses that stores took before the ISO time and that belong to no incident. */
export async function deleteOldTaken(db: Db, before: string): Promise<void> {
  await db('losses').where({ state: 'taken' }).whereNull('incident_id').where('since', '<', before).delete();
}

function toRow(loss: LossRecord): Record<string, unknown> {
  return {
    id: loss.id,
    environment_id: loss.environmentId,
    store_id: loss.storeId,
    kind: loss.subject.kind,
    subject_id: loss.subject.id,
    person_key: loss.personKey,
    change_key: loss.changeKey,
    change: toJson(loss.change),
    desired: loss.desired,
    cause: loss.cause,
    reason: loss.reason,
    rank: loss.rank,
    state: loss.state,
    standing: loss.standing,
    incident_id: loss.incidentId,
    decided_by: loss.decidedBy,
    since: loss.since,
    decided_at: loss.decidedAt,
    done_at: loss.doneAt,
    undo_by: loss.undoBy,
    undo_at: loss.undoAt,
  };
}

export function toLoss(row: Record<string, unknown>): LossRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    storeId: row.store_id as string,
    subject: { kind: row.kind as Kind, id: row.subject_id as string },
    personKey: row.person_key as string,
    changeKey: row.change_key as string,
    change: fromJson(row.change),
    desired: row.desired as string,
    cause: row.cause as string | null,
    reason: row.reason as string,
    rank: row.rank as number,
    state: row.state as LossState,
    standing: fromBoolean(row.standing),
    incidentId: row.incident_id as string | null,
    decidedBy: row.decided_by as string | null,
    since: row.since as string,
    decidedAt: row.decided_at as string | null,
    doneAt: row.done_at as string | null,
    undoBy: row.undo_by as string | null,
    undoAt: row.undo_at as string | null,
  };
}
