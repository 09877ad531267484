/**
 * Subjects: those that a sync visits (everyone and every group of the directory, and every link of the store), and
 * their names.
 */

import type { Kind, Subject } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import { fromBoolean } from '../columns.ts';
import type { Db } from '../open.ts';

/** One page of ids, ascending; a page with fewer than `limit` ids is the last. */
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
  // Two short, ordered reads instead of a union, because each follows its index.
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

/** UUIDs sort the same way here and in both databases. */
function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The number of people and groups together, to show how far a sync is. */
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
  /** Why they look alike. */
  readonly because: string;
}

const NEAR_MATCHES_MAX = 3;

/** People who may own an account whose identifier nobody in the directory has. */
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
      // The same name at another domain: from `local@` up to the next character after `@`.
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

/** A person as answers and events name them. */
export interface NamedPerson {
  readonly display: string;
  /** `deleted`: no user of the person is left in the directory. */
  readonly state: 'active' | 'inactive' | 'deleted';
}

/** By person id, deleted people too; without ids that are nobody's, and purged people. */
export async function namesOfPeople(
  db: Db,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, NamedPerson>> {
  const found = new Map<string, NamedPerson>();
  for (const some of chunks(personIds)) {
    // The speaking user comes last, and so stays; of deleted users, the one that was deleted last.
    const rows: { person_id: string; user_name: string; active: unknown; deleted_at: string | null }[] =
      await db('users')
        .join('connections', 'connections.id', 'users.connection_id')
        .whereIn('users.person_id', some)
        .orderByRaw('case when users.deleted_at is null then 1 else 0 end')
        .orderBy('users.deleted_at')
        .orderBy('connections.is_primary')
        .orderBy('users.created_at', 'desc')
        .orderBy('users.id', 'desc')
        .select('users.person_id', 'users.user_name', 'users.active', 'users.deleted_at');
    for (const { person_id: id, user_name: display, active, deleted_at: deletedAt } of rows) {
      const state = deletedAt !== null ? 'deleted' : fromBoolean(active) ? 'active' : 'inactive';
      found.set(id, { display, state });
    }
  }
  return found;
}

/** The name of each subject, even of those that are gone; the id itself where no name is left. */
export async function displaysOf(db: Db, subjects: readonly Subject[]): Promise<(of: Subject) => string> {
  const idsOf = (kind: Kind) => [...new Set(subjects.filter((s) => s.kind === kind).map(({ id }) => id))];
  const people = await namesOfPeople(db, idsOf('user'));
  const groups = new Map<string, string>();
  const groupIds = idsOf('group');
  for (const some of chunks(groupIds)) {
    const rows: { id: string; display_name: string }[] = await db('groups')
      .whereIn('id', some)
      .select('id', 'display_name');
    for (const { id, display_name: name } of rows) groups.set(id, name);
  }
  return ({ kind, id }) => (kind === 'user' ? people.get(id)?.display : groups.get(id)) ?? id;
}
