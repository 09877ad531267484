/**
 * The subjects that a sync goes through: everyone and every group in the directory, and every link of the
 * store.
 */

import type { Kind } from '../../model/subject.ts';
import type { Db } from '../open.ts';

/** One page of ids, ascending; a page with fewer than `limit` is the last. */
export async function subjectsPage(
  db: Db,
  store: { readonly id: string; readonly environmentId: string },
  kind: Kind,
  after: string | null,
  limit: number,
): Promise<readonly string[]> {
  const inDirectory = kind === 'user' ? peopleOf(db, store.environmentId) : groupsOf(db, store.environmentId);
  const linked = db('links')
    .where({ store_id: store.id, kind })
    .whereNot({ state: 'removed' })
    .select({ id: 'subject_id' });
  const column = kind === 'user' ? 'person_id' : 'id';
  if (after !== null) {
    inDirectory.where(column, '>', after);
    linked.where('subject_id', '>', after);
  }
  inDirectory.orderBy(column).limit(limit);
  linked.orderBy('subject_id').limit(limit);
  // Two short, ordered reads instead of a union: each follows its index.
  const [first, second] = [await inDirectory, await linked] as { id: string }[][];
  const ids = new Set([...(first ?? []), ...(second ?? [])].map((row) => row.id));
  return [...ids].sort(byCodeUnit).slice(0, limit);
}

function peopleOf(db: Db, environmentId: string) {
  return db('users')
    .where({ environment_id: environmentId })
    .whereNull('deleted_at')
    .groupBy('person_id')
    .select({ id: 'person_id' });
}

function groupsOf(db: Db, environmentId: string) {
  return db('groups').where({ environment_id: environmentId }).whereNull('deleted_at').select('id');
}

/** UUIDs sort the same here and in both databases. */
function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** People and groups together, to show how far a sync is. */
export async function countSubjects(db: Db, environmentId: string): Promise<number> {
  const people = await db('users')
    .where({ environment_id: environmentId })
    .whereNull('deleted_at')
    .countDistinct({ n: 'person_id' })
    .first();
  const groups = await db('groups')
    .where({ environment_id: environmentId })
    .whereNull('deleted_at')
    .count({ n: '*' })
    .first();
  return Number(people?.n ?? 0) + Number(groups?.n ?? 0);
}

export interface NearMatch {
  readonly userId: string;
  readonly display: string;
  /** What makes them look alike. */
  readonly because: string;
}

const NEAR_MATCHES_MAX = 3;

/** People who may be the owner of an account whose identifier nobody in the directory has. */
export async function nearMatches(
  db: Db,
  environmentId: string,
  account: { readonly display: string; readonly identifier: string | null },
): Promise<readonly NearMatch[]> {
  const local = account.identifier?.toLowerCase().split('@')[0] ?? '';
  const query = db('users')
    .where({ environment_id: environmentId })
    .whereNull('deleted_at')
    .where((alike) => {
      alike.where('display_name_lower', account.display.toLowerCase());
      // The same name before another domain: from `local@` up to the next character after `@`.
      if (local !== '')
        alike.orWhere((same) =>
          same.where('primary_email_lower', '>=', `${local}@`).where('primary_email_lower', '<', `${local}A`),
        );
    })
    .limit(NEAR_MATCHES_MAX)
    .select('id', 'user_name', 'display_name_lower');
  return (await query).map((row: { id: string; user_name: string; display_name_lower: string | null }) => ({
    userId: row.id,
    display: row.user_name,
    because:
      row.display_name_lower === account.display.toLowerCase() ? 'same name' : 'same name before the @',
  }));
}
