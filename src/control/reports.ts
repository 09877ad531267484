/**
 * Reports of a store for auditors: everybody with their account, and every known membership. They are written page by
 * page, so that a large report needs no more memory than a small one. They read the database and ask no vendor.
 */

import { lastDeletedUsers, speakingUsers } from '../db/identity/persons.ts';
import { namesOfPeople, subjectsPage } from '../db/identity/subjects.ts';
import { type Db, dialectOf } from '../db/open.ts';
import { readsOf } from '../db/reads.ts';
import { activeMembers, fedGroups, type MembershipKey, membershipsPage } from '../db/seen/accessRows.ts';
import { linksBySubject, userLinksByRemoteId } from '../db/seen/links.ts';
import { observationsById } from '../db/seen/observations.ts';
import { standingOfPeople } from '../db/seen/syncStatuses.ts';
import { rulesOfStore } from '../db/stores/rules.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { primaryEmail } from '../model/resource.ts';
import { peopleInScope, scopeOf } from '../stores/scope.ts';
import { accountState } from './status/person.ts';

const ROWS_PER_PAGE = 200;

type Cell = string | number | boolean | null;

/** The column names and the rows. */
export interface Report {
  readonly columns: readonly string[];
  pages(): AsyncGenerator<readonly (readonly Cell[])[]>;
}

/** Everybody in the directory and everybody who has an account, in the order of the persons' ids. */
export function peopleReport(database: Db, store: StoreRecord): Report {
  const db = readsOf(database);
  return {
    columns: [
      ...['person', 'userName', 'email', 'lifecycle'],
      ...['account', 'accountState', 'status', 'origin', 'since'],
    ],
    async *pages() {
      let after: string | null = null;
      for (;;) {
        const ids: readonly string[] = await subjectsPage(db, store, 'user', after, ROWS_PER_PAGE);
        yield await peopleRows(db, store, ids);
        if (ids.length < ROWS_PER_PAGE) return;
        after = ids.at(-1) ?? null;
      }
    },
  };
}

async function peopleRows(db: Db, store: StoreRecord, ids: readonly string[]): Promise<readonly Cell[][]> {
  const speaking = await speakingUsers(db, ids);
  const gone = ids.filter((id) => !speaking.has(id));
  const departed = await lastDeletedUsers(db, gone);
  const scope = scopeOf(await rulesOfStore(db, store.id), dialectOf(db));
  const inScope = await peopleInScope(db, scope, [...speaking.values()]);
  const names = await namesOfPeople(db, ids);
  const links = await linksBySubject(db, store.id, 'user', ids);
  const standing = await standingOfPeople(db, store.id, ids);
  return ids.map((id) => {
    const user = speaking.get(id) ?? departed.get(id);
    const link = links.get(id);
    const unsettled = !speaking.has(id) ? 'synced' : inScope.has(id) ? 'pending' : 'unsynced';
    const { status, since } = standing.get(id) ?? { status: unsettled, since: link?.updatedAt ?? null };
    const has = link && link.state !== 'removed' ? link : null;
    return [
      ...[id, user?.userName ?? null, user ? primaryEmail(user.resource) : null],
      ...[names.get(id)?.state ?? 'deleted', has?.remoteName ?? null, accountState(link)],
      ...[status, has?.origin ?? null, since],
    ];
  });
}

/** Every membership that the bridge made, adopted, or saw on the store, group by group. */
export function accessReport(database: Db, store: StoreRecord): Report {
  const db = readsOf(database);
  return {
    columns: ['group', 'groupId', 'account', 'person', 'level', 'origin', 'wanted'],
    async *pages() {
      let after: MembershipKey | null = null;
      for (;;) {
        const rows: Awaited<ReturnType<typeof membershipsPage>> = await membershipsPage(
          db,
          store.id,
          after,
          ROWS_PER_PAGE,
        );
        yield await accessRows(db, store, rows);
        if (rows.length < ROWS_PER_PAGE) return;
        after = rows.at(-1) ?? null;
      }
    },
  };
}

async function accessRows(
  db: Db,
  store: StoreRecord,
  rows: Awaited<ReturnType<typeof membershipsPage>>,
): Promise<readonly Cell[][]> {
  const remoteGroupIds = [...new Set(rows.map((row) => row.remoteGroupId))];
  const fed = await fedGroups(db, store.id, remoteGroupIds);
  const others = remoteGroupIds.filter((id) => !fed.has(id));
  const seen = await observationsById(db, store.id, 'group', others);
  const accounts = await userLinksByRemoteId(
    db,
    store.id,
    rows.map((row) => row.remoteUserId),
  );
  const wanted = await activeMembers(
    db,
    [...fed.values()].flatMap(({ groupIds }) => groupIds),
    [...accounts.values()].map(({ subject }) => subject.id),
  );
  return rows.map(({ remoteGroupId, remoteUserId, origin, level, display }) => {
    const group = fed.get(remoteGroupId);
    const account = accounts.get(remoteUserId);
    const person = account?.subject.id ?? null;
    const isWanted = group?.groupIds.some((id) => wanted.has(`${id} ${person}`)) ?? false;
    const groupName = group?.remoteName ?? seen.get(remoteGroupId)?.remote?.display ?? null;
    return [groupName, remoteGroupId, account?.remoteName ?? display, person, level, origin, isWanted];
  });
}
