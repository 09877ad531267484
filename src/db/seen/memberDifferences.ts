/**
 * The differences between the memberships that the directory wants and those of the ledger. SQL finds them, in
 * ranges, so that one changed member of a group of 100,000 costs neither memory nor a long query.
 */

import type { Knex } from 'knex';
import { chunks } from '../chunks.ts';
import { fromBoolean } from '../columns.ts';
import type { Db } from '../open.ts';
import type { LedgerOrigin } from './ledger.ts';

/** How many index entries one query looks at. */
const RANGE_MAX = 500;

/**
 * A member of a feeding group who has an enabled account, but whose membership is not the bridge's or has too low a
 * level.
 */
export interface WantedDifference {
  readonly personId: string;
  readonly remoteId: string;
  readonly remoteName: string;
  readonly ledger: {
    readonly origin: LedgerOrigin;
    readonly level: number | null;
    /** The level is lower than the bridge left it. */
    readonly lowered?: boolean;
    readonly doubted?: boolean;
  } | null;
}

/** A ledger entry that no feeding group wants. */
export interface UnwantedDifference {
  readonly remoteId: string;
  readonly display: string;
  readonly origin: LedgerOrigin;
  readonly level: number | null;
  readonly personId: string | null;
  readonly accountState: string | null;
}

/** The memberships of a remote group, as the ledger has them. */
export interface KnownMemberships {
  readonly storeId: string;
  /** '' while nobody has made the group. */
  readonly remoteGroupId: string;
  /** The id of a read of all members: a member whom it did not see counts as gone. Null: the ledger counts. */
  readonly seenIn: string | null;
}

/**
 * The wanted differences of one SCIM group, range by range; a range may be empty. `people`: only these members.
 * `level`: what a grant would give; null on stores without levels.
 */
export async function* wantedDifferences(
  db: Db,
  { storeId, remoteGroupId, seenIn }: KnownMemberships,
  groupId: string,
  level: number | null,
  people: readonly string[] | null,
): AsyncGenerator<readonly WantedDifference[]> {
  const pieces =
    people === null ? ranges(db, 'group_members', { group_id: groupId }, 'user_id') : chunks(people);
  for await (const piece of pieces) {
    const query = db('group_members as m')
      .join('users as u', 'u.id', 'm.user_id')
      .join('links as l', (on) => {
        on.on('l.subject_id', 'u.person_id').andOnVal('l.store_id', storeId).andOnVal('l.kind', 'user');
      })
      .leftJoin('membership_ledger as e', (on) => {
        on.on('e.remote_user_id', 'l.remote_id')
          .andOnVal('e.store_id', storeId)
          .andOnVal('e.remote_group_id', remoteGroupId);
        if (seenIn !== null) on.andOnVal('e.scan_id', seenIn);
      })
      .where('m.group_id', groupId)
      .whereNull('u.deleted_at')
      .where('l.state', 'enabled')
      .where((differs) => {
        differs.whereNull('e.origin').orWhere('e.origin', 'foreign').orWhere('e.doubted', true);
        if (level !== null) differs.orWhere('e.level', '<', level);
      })
      .select('u.person_id', 'l.remote_id', 'l.remote_name', 'e.origin', 'e.level', 'e.doubted')
      .select(db.raw('e.level < e.granted_level as lowered'));
    yield (await within(query, piece, 'm.user_id', 'u.person_id')).map((row: Record<string, unknown>) => ({
      personId: row.person_id as string,
      remoteId: row.remote_id as string,
      remoteName: row.remote_name as string,
      ledger:
        row.origin === null
          ? null
          : {
              origin: row.origin as LedgerOrigin,
              level: numberOrNull(row.level),
              lowered: fromBoolean(row.lowered),
              doubted: fromBoolean(row.doubted),
            },
    }));
  }
}

/** The ids of persons in one SCIM group who have no enabled account on the store, range by range. */
export async function* membersWithoutAccount(
  db: Db,
  storeId: string,
  groupId: string,
): AsyncGenerator<readonly string[]> {
  for await (const range of ranges(db, 'group_members', { group_id: groupId }, 'user_id')) {
    const rows = await db('group_members as m')
      .join('users as u', 'u.id', 'm.user_id')
      .leftJoin('links as l', (on) => {
        on.on('l.subject_id', 'u.person_id').andOnVal('l.store_id', storeId).andOnVal('l.kind', 'user');
      })
      .where('m.group_id', groupId)
      .where('m.user_id', '>', range.after)
      .where('m.user_id', '<=', range.last)
      .whereNull('u.deleted_at')
      .where((without) => without.whereNull('l.state').orWhereNot('l.state', 'enabled'))
      .distinct('u.person_id');
    yield rows.map((row: { person_id: string }) => row.person_id);
  }
}

/** Live SCIM groups that have one of these people as a member and no link on the store. */
export async function unlinkedGroupsOf(
  db: Db,
  storeId: string,
  personIds: readonly string[],
): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const some of chunks(personIds)) {
    const rows = await db('users as u')
      .join('group_members as m', 'm.user_id', 'u.id')
      .join('groups as g', 'g.id', 'm.group_id')
      .whereIn('u.person_id', some)
      .whereNull('u.deleted_at')
      .whereNull('g.deleted_at')
      .whereNotExists(
        db('links as l')
          .where({ 'l.store_id': storeId, 'l.kind': 'group' })
          .whereNot('l.state', 'removed')
          .where('l.subject_id', db.ref('g.id'))
          .select(db.raw('1')),
      )
      .distinct('g.id');
    for (const row of rows) found.add(row.id);
  }
  return [...found].sort();
}

/** Which of these people are members of one of the SCIM groups. */
export async function membersAmong(
  db: Db,
  groupIds: readonly string[],
  personIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const some of chunks(personIds)) {
    const rows = await db('users as u')
      .join('group_members as m', 'm.user_id', 'u.id')
      .whereIn('u.person_id', some)
      .whereIn('m.group_id', groupIds)
      .whereNull('u.deleted_at')
      .distinct('u.person_id');
    for (const row of rows) found.add(row.person_id);
  }
  return found;
}

/**
 * `withForeign`: also memberships that are not the bridge's (`Overwrite`). `people`: only those of their accounts.
 */
export async function* unwantedDifferences(
  db: Db,
  { storeId, remoteGroupId, seenIn }: KnownMemberships,
  groupIds: readonly string[],
  withForeign: boolean,
  people: readonly string[] | null,
): AsyncGenerator<readonly UnwantedDifference[]> {
  const scope = { store_id: storeId, remote_group_id: remoteGroupId };
  const pieces = people === null ? ranges(db, 'membership_ledger', scope, 'remote_user_id') : chunks(people);
  for await (const piece of pieces) {
    const query = db('membership_ledger as e')
      .leftJoin('links as l', (on) => {
        on.on('l.remote_id', 'e.remote_user_id')
          .andOnVal('l.store_id', storeId)
          .andOnVal('l.kind', 'user')
          .andOnVal('l.state', '<>', 'removed');
      })
      .where({ 'e.store_id': storeId, 'e.remote_group_id': remoteGroupId })
      .whereNotExists(
        db('users as u')
          .join('group_members as m', 'm.user_id', 'u.id')
          .where('u.person_id', db.ref('l.subject_id'))
          .whereNull('u.deleted_at')
          .whereIn('m.group_id', groupIds)
          .select(db.raw('1')),
      )
      .select('e.remote_user_id', 'e.display', 'e.origin', 'e.level', 'l.subject_id', 'l.state');
    // A doubted membership of an account that the vendor no longer shows, and that nobody has now.
    query.whereNot((lost) => lost.where('e.doubted', true).whereNull('l.subject_id'));
    if (!withForeign) query.whereNot('e.origin', 'foreign');
    if (seenIn !== null) query.where('e.scan_id', seenIn);
    yield (await within(query, piece, 'e.remote_user_id', 'l.subject_id')).map((row) => ({
      remoteId: row.remote_user_id as string,
      display: row.display as string,
      origin: row.origin as LedgerOrigin,
      level: numberOrNull(row.level),
      personId: (row.subject_id as string | null) ?? null,
      accountState: (row.state as string | null) ?? null,
    }));
  }
}

/** Limits the query to a range of `indexed`, or to the people whose ids are in `person`. */
function within(
  query: Knex.QueryBuilder,
  piece: Range | readonly string[],
  indexed: string,
  person: string,
): PromiseLike<Record<string, unknown>[]> {
  if ('after' in piece) return query.where(indexed, '>', piece.after).where(indexed, '<=', piece.last);
  return query.whereIn(person, piece);
}

interface Range {
  readonly after: string;
  readonly last: string;
}

/** Cuts an index into pieces by its last column. */
export async function* ranges(
  db: Db,
  table: string,
  scope: Readonly<Record<string, string>>,
  column: string,
): AsyncGenerator<Range> {
  let after = '';
  for (;;) {
    const page = () => db(table).where(scope).where(column, '>', after).orderBy(column);
    const boundary = await page()
      .offset(RANGE_MAX - 1)
      .first(column);
    const last =
      boundary ?? (await db(table).where(scope).where(column, '>', after).max({ last: column }).first());
    const value = (boundary ? boundary[column] : last?.last) as string | null | undefined;
    if (value === null || value === undefined) return;
    yield { after, last: value };
    if (!boundary) return;
    after = value;
  }
}

function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}
