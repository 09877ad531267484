/** Previews: the changes that a store would get, saved page by page so that their size costs no memory. */

import type { ListProgress } from '../../model/remote.ts';
import { newId } from '../../support/ids.ts';
import { fromJson, fromJsonOrNull, toJson } from '../columns.ts';
import type { Db } from '../open.ts';
import { countUpTo } from '../paging.ts';
import { addCounts, type ChangeCounts, NO_CHANGES } from './changeCounts.ts';

export type PreviewState = 'RUNNING' | 'DONE' | 'FAILED';
export type PreviewList = 'change' | 'skipped' | 'orphan';

/** The number of losses of people, and of groups. */
export interface LossCounts {
  readonly people: number;
  readonly groups: number;
}

/**
 * `losses`: all of them, because an operation does not always tell that it is a loss. `heldLosses`: those among the
 * held changes.
 */
export interface KeptSummary extends ChangeCounts {
  readonly losses: LossCounts;
  readonly heldLosses: LossCounts;
}

export interface PreviewRecord {
  readonly id: string;
  readonly environmentId: string;
  readonly storeId: string;
  readonly state: PreviewState;
  /** Null until a worker begins. */
  readonly position: PreviewPosition | null;
  readonly summary: KeptSummary;
  /** How many people lose something; 0 until the preview is done. */
  readonly losing: number;
  readonly error: string | null;
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** Where a preview stands; between two pages any worker may take it up. */
export interface PreviewPosition {
  readonly phase: string;
  readonly cursor: string | null;
  /** How often in a row the next page failed. */
  readonly failures: number;
  /** The progress of a list that is being read. */
  readonly list?: ListProgress;
  /** How many groups in a row had members that could not be read. */
  readonly unread?: number;
  /** The version of the store's settings when it began. */
  readonly version: string;
  /** When it began, an ISO time. */
  readonly began: string;
}

const NO_LOSSES: LossCounts = { people: 0, groups: 0 };
const EMPTY: KeptSummary = { ...NO_CHANGES, losses: NO_LOSSES, heldLosses: NO_LOSSES };

export async function insertPreview(
  db: Db,
  preview: Pick<PreviewRecord, 'environmentId' | 'storeId' | 'createdAt' | 'expiresAt'>,
): Promise<PreviewRecord> {
  const row = {
    id: newId(),
    environment_id: preview.environmentId,
    store_id: preview.storeId,
    state: 'RUNNING',
    position: null,
    summary: toJson(EMPTY),
    losing: 0,
    error: null,
    created_at: preview.createdAt,
    expires_at: preview.expiresAt,
  };
  await db('previews').insert(row);
  return toPreview(row);
}

/** Null where it does not exist, or has expired. */
export async function getPreview(
  db: Db,
  storeId: string,
  id: string,
  now: string,
): Promise<PreviewRecord | null> {
  const row = await db('previews').where({ store_id: storeId, id }).where('expires_at', '>', now).first();
  return row ? toPreview(row) : null;
}

/** The oldest preview that is not finished; null where there is none. */
export async function nextOpenPreview(db: Db, storeId: string, now: string): Promise<PreviewRecord | null> {
  const row = await db('previews')
    .where({ store_id: storeId, state: 'RUNNING' })
    .where('expires_at', '>', now)
    .orderBy(['created_at', 'id'])
    .first();
  return row ? toPreview(row) : null;
}

export async function savePreviewPosition(db: Db, id: string, position: PreviewPosition): Promise<void> {
  await db('previews')
    .where({ id })
    .update({ position: toJson(position) });
}

/** Adds the counts of one page of the plan. */
export async function addToSummary(tx: Db, id: string, more: KeptSummary): Promise<void> {
  const row = await tx('previews').where({ id }).first('summary');
  if (!row) return;
  const { losses, heldLosses, ...counts } = fromJson<KeptSummary>(row.summary);
  const summary: KeptSummary = {
    ...addCounts(counts, more),
    losses: addLosses(losses, more.losses),
    heldLosses: addLosses(heldLosses, more.heldLosses),
  };
  await tx('previews')
    .where({ id })
    .update({ summary: toJson(summary) });
}

function addLosses(a: LossCounts, b: LossCounts): LossCounts {
  return { people: a.people + b.people, groups: a.groups + b.groups };
}

export async function saveLosing(tx: Db, id: string, losing: number): Promise<void> {
  await tx('previews').where({ id }).update({ losing });
}

export async function finishPreview(
  db: Db,
  id: string,
  end: { readonly state: 'DONE' | 'FAILED'; readonly error: string | null },
): Promise<void> {
  await db('previews').where({ id }).update(end);
}

export async function deleteExpiredPreviews(db: Db, now: string): Promise<void> {
  const expired = () => db('previews').where('expires_at', '<=', now).select('id');
  await db('preview_items').whereIn('preview_id', expired()).delete();
  await db('previews').where('expires_at', '<=', now).delete();
}

export interface PreviewItem {
  readonly changeKey: string | null;
  /** Lists are in the order of these keys. */
  readonly sortKey: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const ROWS_PER_INSERT_MAX = 100;
const SORT_KEY_LENGTH_MAX = 200;

/** Appends to the list, one page of the plan at a time, so that nothing comes in between. */
export async function appendPreviewItems(
  db: Db,
  previewId: string,
  list: PreviewList,
  items: readonly PreviewItem[],
): Promise<void> {
  if (items.length === 0) return;
  const last = await db('preview_items')
    .where({ preview_id: previewId, list })
    .max({ position: 'position' })
    .first();
  const from = last?.position === null || last?.position === undefined ? 0 : Number(last.position) + 1;
  for (let at = 0; at < items.length; at += ROWS_PER_INSERT_MAX) {
    const rows = items.slice(at, at + ROWS_PER_INSERT_MAX).map((item, index) => ({
      preview_id: previewId,
      list,
      position: from + at + index,
      change_key: item.changeKey,
      sort_key: item.sortKey.slice(0, SORT_KEY_LENGTH_MAX),
      body: toJson(item.body),
    }));
    await db('preview_items').insert(rows);
  }
}

export interface ListedItem extends PreviewItem {
  readonly position: number;
}

export type ItemPosition = Pick<ListedItem, 'sortKey' | 'position'>;

/** In the order of the sort keys and, where these are equal, of the plan. `after`: null starts. */
export async function listPreviewItems(
  db: Db,
  previewId: string,
  list: PreviewList,
  after: ItemPosition | null,
  limit: number,
): Promise<readonly ListedItem[]> {
  const query = db('preview_items')
    .where({ preview_id: previewId, list })
    .orderBy(['sort_key', 'position'])
    .limit(limit);
  if (after) query.whereRaw('(sort_key, position) > (?, ?)', [after.sortKey, after.position]);
  return (await query).map((row: Record<string, unknown>) => ({
    sortKey: row.sort_key as string,
    position: Number(row.position),
    changeKey: row.change_key as string | null,
    body: fromJson(row.body),
  }));
}

/** The number of items; null where there are too many to count quickly. */
export function countPreviewItems(db: Db, previewId: string, list: PreviewList): Promise<number | null> {
  return countUpTo(db, db('preview_items').where({ preview_id: previewId, list }));
}

function toPreview(row: Record<string, unknown>): PreviewRecord {
  return {
    id: row.id as string,
    environmentId: row.environment_id as string,
    storeId: row.store_id as string,
    state: row.state as PreviewState,
    position: fromJsonOrNull(row.position),
    summary: fromJson(row.summary),
    losing: Number(row.losing),
    error: row.error as string | null,
    createdAt: row.created_at as string,
    expiresAt: row.expires_at as string,
  };
}
