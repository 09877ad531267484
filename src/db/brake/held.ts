/**
 * Held losses: each row is one planned change that takes something from a person and waits for an admin's
 * decision. A row executes nothing: the next attempt plans anew, and drops rows whose loss is planned no
 * more.
 */

import type { Change } from '../../model/change.ts';
import type { Kind, Subject } from '../../model/subject.ts';
import { newId } from '../../support/ids.ts';
import { fromJson, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

export type HeldState = 'held' | 'approved' | 'discarded';

/** People who left come before memberships, in lists and in what is settled first. */
export const HELD_RANK = { person: 0, membership: 1 } as const;

export interface HeldRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly storeId: string;
  readonly subject: Subject;
  /** The person who would lose something; the remote account's id where nobody is linked. */
  readonly personKey: string;
  /** `changeKey` of the change. */
  readonly changeKey: string;
  readonly change: Change;
  /**
   * What the directory wanted when the loss was held; a discard holds until the directory wants something
   * else.
   */
  readonly desired: string;
  /** The correlation id of what caused it; null where that is not known. */
  readonly cause: string | null;
  readonly reason: string;
  readonly rank: number;
  readonly state: HeldState;
  readonly decidedBy: string | null;
  readonly since: string;
  readonly decidedAt: string | null;
}

export type NewHeld = Omit<HeldRecord, 'id' | 'state' | 'decidedBy' | 'since' | 'decidedAt'>;

const ROWS_PER_INSERT_MAX = 50;
const IDS_PER_QUERY_MAX = 500;

/** `since` is an ISO time. Answers the rows in the order given. */
export async function insertHeld(
  db: Db,
  rows: readonly NewHeld[],
  since: string,
): Promise<readonly HeldRecord[]> {
  const records = rows.map((row): HeldRecord => {
    return { ...row, id: newId(), state: 'held', decidedBy: null, since, decidedAt: null };
  });
  for (let from = 0; from < records.length; from += ROWS_PER_INSERT_MAX) {
    await db('held').insert(records.slice(from, from + ROWS_PER_INSERT_MAX).map(toRow));
  }
  return records;
}

/** Everything remembered of a subject on a store: what is open, approved or discarded. */
export function heldOfSubject(db: Db, storeId: string, subject: Subject): Promise<readonly HeldRecord[]> {
  return heldOfSubjects(db, storeId, subject.kind, [subject.id]);
}

/** The same of many subjects. */
export async function heldOfSubjects(
  db: Db,
  storeId: string,
  kind: Kind,
  subjectIds: readonly string[],
): Promise<readonly HeldRecord[]> {
  const found: HeldRecord[] = [];
  for (let from = 0; from < subjectIds.length; from += IDS_PER_QUERY_MAX) {
    const rows = await db('held')
      .where({ store_id: storeId, kind })
      .whereIn('subject_id', subjectIds.slice(from, from + IDS_PER_QUERY_MAX))
      .orderBy('since')
      .orderBy('id');
    found.push(...rows.map(toHeld));
  }
  return found;
}

export interface HeldPosition {
  readonly rank: number;
  readonly since: string;
  readonly id: string;
}

/** Open rows: people who left first, then the oldest. `after` is the last row of the page before. */
export async function listOpenHeld(
  db: Db,
  storeId: string,
  page: { readonly after: HeldPosition | null; readonly limit: number },
): Promise<readonly HeldRecord[]> {
  const query = db('held')
    .where({ store_id: storeId, state: 'held' })
    .orderBy(['rank', 'since', 'id'])
    .limit(page.limit);
  if (page.after) {
    const { rank, since, id } = page.after;
    query.whereRaw('(rank, since, id) > (?, ?, ?)', [rank, since, id]);
  }
  return (await query).map(toHeld);
}

/** The open rows among these ids. */
export async function openHeldByIds(
  db: Db,
  storeId: string,
  ids: readonly string[],
): Promise<readonly HeldRecord[]> {
  const found: HeldRecord[] = [];
  for (let from = 0; from < ids.length; from += IDS_PER_QUERY_MAX) {
    const rows = await db('held')
      .where({ store_id: storeId, state: 'held' })
      .whereIn('id', ids.slice(from, from + IDS_PER_QUERY_MAX));
    found.push(...rows.map(toHeld));
  }
  return found;
}

/** The open rows of these changes. */
export async function openHeldByKeys(
  db: Db,
  storeId: string,
  changeKeys: readonly string[],
): Promise<readonly HeldRecord[]> {
  const found: HeldRecord[] = [];
  for (let from = 0; from < changeKeys.length; from += IDS_PER_QUERY_MAX) {
    const rows = await db('held')
      .where({ store_id: storeId, state: 'held' })
      .whereIn('change_key', changeKeys.slice(from, from + IDS_PER_QUERY_MAX));
    found.push(...rows.map(toHeld));
  }
  return found;
}

export interface Decision {
  readonly state: 'approved' | 'discarded';
  /** Who decided, by name. */
  readonly by: string;
  /** ISO time */
  readonly at: string;
}

/** Decides those of the rows that are still open, and answers how many those were. */
export async function decideHeld(db: Db, ids: readonly string[], decision: Decision): Promise<number> {
  let decided = 0;
  for (let from = 0; from < ids.length; from += IDS_PER_QUERY_MAX) {
    decided += await db('held')
      .where({ state: 'held' })
      .whereIn('id', ids.slice(from, from + IDS_PER_QUERY_MAX))
      .update({ state: decision.state, decided_by: decision.by, decided_at: decision.at });
  }
  return decided;
}

/** Deletes rows whose change is made, or is planned no more. */
export async function dropHeld(db: Db, ids: readonly string[]): Promise<void> {
  for (let from = 0; from < ids.length; from += IDS_PER_QUERY_MAX) {
    await db('held')
      .whereIn('id', ids.slice(from, from + IDS_PER_QUERY_MAX))
      .delete();
  }
}

/** Deletes the rows of a person who is back, on every store, decided or not. */
export async function dropHeldOfPerson(db: Db, personId: string): Promise<void> {
  await db('held').where({ kind: 'user', subject_id: personId }).delete();
}

/** The SCIM groups with a row for ending a membership of the person, whatever the row's state. */
export async function groupsHeldOf(db: Db, storeId: string, personId: string): Promise<readonly string[]> {
  const rows = await db('held')
    .where({ store_id: storeId, kind: 'group', person_key: personId })
    .distinct('subject_id');
  return rows.map((row: { subject_id: string }) => row.subject_id);
}

/** Open rows; 0 means that the brake may be released. */
export async function countOpenHeld(db: Db, storeId: string): Promise<number> {
  const row = await db('held').where({ store_id: storeId, state: 'held' }).count({ n: '*' }).first();
  return Number(row?.n ?? 0);
}

/** People who would lose something by the open rows. */
export async function countHeldPeople(db: Db, storeId: string): Promise<number> {
  const row = await db('held')
    .where({ store_id: storeId, state: 'held' })
    .countDistinct({ n: 'person_key' })
    .first();
  return Number(row?.n ?? 0);
}

function toRow(held: HeldRecord): Record<string, unknown> {
  return {
    id: held.id,
    environment_id: held.environmentId,
    store_id: held.storeId,
    kind: held.subject.kind,
    subject_id: held.subject.id,
    person_key: held.personKey,
    change_key: held.changeKey,
    change: toJson(held.change),
    desired: held.desired,
    cause: held.cause,
    reason: held.reason,
    rank: held.rank,
    state: held.state,
    decided_by: held.decidedBy,
    since: held.since,
    decided_at: held.decidedAt,
  };
}

function toHeld(row: Record<string, unknown>): HeldRecord {
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
    state: row.state as HeldState,
    decidedBy: row.decided_by as string | null,
    since: row.since as string,
    decidedAt: row.decided_at as string | null,
  };
}
