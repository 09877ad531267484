/** Users for an answer, with their groups, which one statement reads where the users are few. */

import { type MembershipRow, membershipsColumn, toMemberships } from '../identity/groupMembers.ts';
import { live, toUser, type UserRecord } from '../identity/users.ts';
import { kept } from '../knex/kept.ts';
import { type Db, forUpdate } from '../open.ts';
import { type ListPage, type PageByPosition, pageByPosition } from './resources.ts';

/** A user with their groups, where these were read too. */
export interface ShownUser extends UserRecord {
  readonly groups?: readonly MembershipRow[];
}

/** A live user of the connection, or null. */
export async function findShownUser(db: Db, connectionId: string, id: string): Promise<ShownUser | null> {
  const row = await findShown(db, { id, connectionId });
  return row ? toShownUser(row) : null;
}

type ByIds = { readonly id: string; readonly connectionId: string };

const findShown = kept<Record<string, unknown> | undefined, ByIds>((db, { id, connectionId }) =>
  live(db).where({ id, connection_id: connectionId }).first('users.*', membershipsColumn(db)),
);

/** As `lockUser`, with their groups. */
export async function lockShownUser(db: Db, connectionId: string, id: string): Promise<ShownUser | null> {
  const row = await lockShown(db, { id, connectionId });
  return row ? toShownUser(row) : null;
}

const lockShown = kept<Record<string, unknown> | undefined, ByIds>((db, { id, connectionId }) =>
  forUpdate(db, live(db).where({ id, connection_id: connectionId })).first('users.*', membershipsColumn(db)),
);

/** `withGroups`: reads their groups in the same statement, which is worth it for a few users. */
export async function listUsers(
  db: Db,
  page: PageByPosition,
  withGroups = false,
): Promise<ListPage<ShownUser>> {
  const beside = withGroups ? membershipsColumn(db) : null;
  const { total, rows } = await pageByPosition(db, 'users', { ...page, beside });
  return { total, items: rows.map(toShownUser) };
}

function toShownUser(row: Record<string, unknown>): ShownUser {
  const user = toUser(row);
  return 'memberships' in row ? { ...user, groups: toMemberships(user.id, row.memberships) } : user;
}
