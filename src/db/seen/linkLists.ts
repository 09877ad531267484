/** The links of a store, page by page, and how many people have accounts there. */

import type { Kind, Subject } from '../../model/subject.ts';
import type { Db } from '../open.ts';
import { type LinkRecord, type LinkState, toLink } from './links.ts';

export interface LinkFilter {
  readonly kind?: Kind | null;
  readonly subjectId?: string | null;
  readonly remoteId?: string | null;
}

export interface LinkPage extends LinkFilter {
  /** The id of the last link of the page before. */
  readonly after: string | null;
  readonly limit: number;
}

/** In the order of their ids. */
export async function listLinks(db: Db, storeId: string, page: LinkPage): Promise<readonly LinkRecord[]> {
  const query = linksOf(db, storeId, page).orderBy('id').limit(page.limit);
  if (page.after !== null) query.where('id', '>', page.after);
  return (await query).map(toLink);
}

/** The rows that `listLinks` pages through, for counting. */
export function linksOf(db: Db, storeId: string, filter: LinkFilter) {
  const query = db('links').where({ store_id: storeId });
  if (filter.kind) query.where({ kind: filter.kind });
  if (filter.subjectId) query.where({ subject_id: filter.subjectId });
  if (filter.remoteId) query.where({ remote_id: filter.remoteId });
  return query;
}

/** How many people have an enabled account; the brake's percentage is a share of that. */
export function countEnabledPeople(db: Db, storeId: string): Promise<number> {
  return countPeople(db, storeId, ['enabled']);
}

/** How many people have an account, enabled or not, or an invitation. */
export function countLinkedPeople(db: Db, storeId: string): Promise<number> {
  return countPeople(db, storeId, ['enabled', 'disabled', 'invited']);
}

async function countPeople(db: Db, storeId: string, states: readonly LinkState[]): Promise<number> {
  const row = await db('links')
    .where({ store_id: storeId, kind: 'user' })
    .whereIn('state', states)
    .count({ n: '*' })
    .first();
  return Number(row?.n ?? 0);
}

/** The names of linked groups that the vendor does not show; at most `limit`. */
export async function groupsNotShown(db: Db, storeId: string, limit: number): Promise<readonly string[]> {
  const rows: { remote_name: string }[] = await db('links')
    .where({ store_id: storeId, kind: 'group' })
    .whereNotNull('missing_since')
    .orderBy('remote_name')
    .limit(limit)
    .select('remote_name');
  return rows.map((row) => row.remote_name);
}

/** Every link of a subject, on any store. */
export async function linksOfSubject(db: Db, subject: Subject): Promise<readonly LinkRecord[]> {
  const rows = await db('links').where({ kind: subject.kind, subject_id: subject.id });
  return rows.map(toLink);
}

export async function getLinkById(db: Db, storeId: string, id: string): Promise<LinkRecord | null> {
  const row = await db('links').where({ store_id: storeId, id }).first();
  return row ? toLink(row) : null;
}

/** Whether the store made an account after the given ISO time. */
export async function hasCreatedSince(db: Db, storeId: string, since: string): Promise<boolean> {
  const made = db('links').where({ store_id: storeId, kind: 'user', origin: 'created' });
  return (await made.where('created_at', '>', since).first('id')) !== undefined;
}
