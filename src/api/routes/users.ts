/** `…/users`: the people as the connections delivered them, read-only, and their state on every store. */

import { personStatuses } from '../../control/status/person.ts';
import { syncPerson } from '../../control/tasks.ts';
import { groupsOfUsers, type MembershipRow } from '../../db/identity/groupMembers.ts';
import { findUserOrPerson } from '../../db/identity/persons.ts';
import { namesOfPeople } from '../../db/identity/subjects.ts';
import { listUsersOfEnvironment, type UserRecord } from '../../db/identity/users.ts';
import { countOfEnvironment } from '../../db/lists/resources.ts';
import { ENTERPRISE_URN, USER_URN } from '../../directory/query/attributes.ts';
import type { ApiDeps } from '../deps.ts';
import { accepted, endpoint, ok } from '../endpoint.ts';
import { href } from '../href.ts';
import { keyOfRecord, PAGE, page, whole } from '../lists.ts';
import { notFound } from '../path.ts';
import { pageOfEvents } from '../present/events.ts';
import { showStatuses } from '../present/person.ts';
import { metaOf, pageByKey, readPage } from '../present/resource.ts';
import { FILTER, User, UserList, UserSyncStatus } from '../schemas/directory.ts';
import { EventList } from '../schemas/events.ts';

const USERS = '/environments/:envId/users';
const USER = '/environments/:envId/users/:userId';

export const users = {
  listUsers: endpoint({
    method: 'get',
    path: USERS,
    scope: 'read',
    summary: 'List the users of an environment, over all connections',
    query: { ...PAGE, ...FILTER },
    answers: { 200: UserList },
    handle: async (call, deps) => {
      const wanted = pageByKey(deps, call.environment.id, call.query, 'user');
      const { rows, count } = await readPage(deps, wanted, async (reads, pace) => ({
        rows: await listUsersOfEnvironment(reads, { ...wanted, pace }),
        count: await countOfEnvironment(reads, 'users', { ...wanted, pace }),
      }));
      const ids = rows.map((user) => user.id);
      const memberships = Map.groupBy(await groupsOfUsers(deps.db, ids), (row) => row.userId);
      const displayOf = await displays(deps, rows);
      return ok(
        page(call, {
          name: 'users',
          rows,
          count,
          keyOf: keyOfRecord,
          show: (user) => show(deps, user, memberships.get(user.id) ?? [], displayOf(user)),
        }),
      );
    },
  }),

  readUser: endpoint({
    method: 'get',
    path: USER,
    scope: 'read',
    summary: 'Show a user by id, or by the id of the person',
    answers: { 200: User },
    handle: async ({ environment, params: { userId } }, deps) => {
      const user = await someoneOf(deps, environment.id, userId);
      if (user.deletedAt !== null) throw notFound('user', userId);
      const memberships = await groupsOfUsers(deps.db, [user.id]);
      return ok(show(deps, user, memberships, (await displays(deps, [user]))(user)));
    },
  }),

  listUserTimeline: endpoint({
    method: 'get',
    path: `${USER}/timeline`,
    scope: 'read',
    summary: 'List what happened to the person, newest first',
    query: PAGE,
    answers: { 200: EventList },
    handle: async (call, deps) => {
      const { environmentId, personId } = await someoneOf(deps, call.environment.id, call.params.userId);
      return ok(await pageOfEvents(deps, call, { environmentId, subjectId: personId }));
    },
  }),

  readUserSyncStatus: endpoint({
    method: 'get',
    path: `${USER}/syncStatus`,
    scope: 'read',
    summary: 'Show how the person stands on every store',
    answers: { 200: UserSyncStatus },
    handle: async ({ environment, params: { userId } }, deps) =>
      ok(await showStatus(deps, await someoneOf(deps, environment.id, userId))),
  }),

  syncUser: endpoint({
    method: 'post',
    path: `${USER}/sync`,
    scope: 'write',
    summary: 'Settle the person on every store now',
    answers: { 202: UserSyncStatus },
    handle: async ({ environment, params: { userId }, cause }, deps) => {
      const user = await someoneOf(deps, environment.id, userId);
      const subject = { kind: 'user', id: user.personId, display: user.userName } as const;
      await syncPerson(deps.propagation, environment.id, subject, cause);
      return accepted(await showStatus(deps, user));
    },
  }),
};

/**
 * Finds a user by their own id or by the person's, since events and plans name people; also one whom the identity
 * provider deleted.
 */
async function someoneOf({ db }: ApiDeps, environmentId: string, id: string): Promise<UserRecord> {
  const user = await findUserOrPerson(db, environmentId, id);
  if (!user) throw notFound('user', id);
  return user;
}

async function displays({ db }: ApiDeps, users: readonly UserRecord[]) {
  const names = await namesOfPeople(
    db,
    users.map((user) => user.personId),
  );
  return ({ personId, userName }: UserRecord) => names.get(personId)?.display ?? userName;
}

async function showStatus(deps: ApiDeps, user: UserRecord) {
  const { environmentId, personId } = user;
  const stores = await showStatuses(deps, await personStatuses(deps.db, environmentId, personId));
  const self = href(deps, 'environments', environmentId, 'users', user.id, 'syncStatus');
  const display = (await displays(deps, [user]))(user);
  return { person: { id: personId, display }, ...whole('stores', stores, self) };
}

function show(deps: ApiDeps, user: UserRecord, memberships: readonly MembershipRow[], display: string) {
  const self = href(deps, 'environments', user.environmentId, 'users', user.id);
  return {
    schemas: user.resource[ENTERPRISE_URN] === undefined ? [USER_URN] : [USER_URN, ENTERPRISE_URN],
    id: user.id,
    ...user.resource,
    userName: user.userName,
    groups: memberships.map((group) => ({ value: group.groupId, display: group.display })),
    meta: metaOf('User', user),
    person: { id: user.personId, display },
    connectionId: user.connectionId,
    _links: {
      self: { href: self },
      syncStatus: { href: `${self}/syncStatus` },
      timeline: { href: `${self}/timeline` },
    },
  };
}
