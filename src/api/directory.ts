/**
 * `…/users` and `…/groups`: the directory as the connections delivered it, read only, in the shape of SCIM
 * with the person and the connection beside.
 */

import { type Request, type Response, Router } from 'express';
import { groupsOfUsers, type MembershipRow, membersWithNames } from '../db/identity/groupMembers.ts';
import { findGroupOfEnvironment, type GroupRecord, listGroupsOfEnvironment } from '../db/identity/groups.ts';
import { countOfEnvironment, type PageByKey, type SqlCondition } from '../db/identity/lists.ts';
import { findUserOrPerson } from '../db/identity/persons.ts';
import { listUsersOfEnvironment, type UserRecord } from '../db/identity/users.ts';
import { dialectOf } from '../db/open.ts';
import { FilterError } from '../directory/query/ast.ts';
import { ENTERPRISE_URN, GROUP_URN, USER_URN } from '../directory/query/attributes.ts';
import { parseFilter } from '../directory/query/parse.ts';
import { filterToSql } from '../directory/query/sql.ts';
import type { Kind } from '../model/subject.ts';
import { type AdminDeps, environmentOf, href, idParam, notFound } from './context.ts';
import { sendEvents } from './events.ts';
import { keyOfRecord, knownQuery, queryMistake, queryText, readPageOfRecords, sendPage } from './page.ts';
import { route } from './problem.ts';

export function users(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/', { get: (req, res) => listUsers(deps, req, res) });
  route(router, '/:id', {
    get: async (req, res) => {
      const user = await userOf(deps, req, res);
      const groups = await groupsOfUsers(deps.db, [user.id]);
      res.json(showUser(deps, user, groups));
    },
  });
  route(router, '/:id/timeline', {
    get: async (req, res) => {
      const { environmentId, personId } = await someoneOf(deps, req, res);
      knownQuery(req, []);
      await sendEvents(deps, req, res, { environmentId, subjectId: personId });
    },
  });
  return router;
}

export function groups(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/', { get: (req, res) => listGroups(deps, req, res) });
  route(router, '/:id', {
    get: async (req, res) => {
      const id = idParam(req);
      const group = await findGroupOfEnvironment(deps.db, environmentOf(res).id, id);
      if (!group) throw notFound('group', id);
      const members = await membersWithNames(deps.db, group.id);
      res.json({
        ...showGroup(deps, group),
        members: members.map(({ userId, display }) => ({ value: userId, display })),
      });
    },
  });
  return router;
}

/** In the directory now. */
async function userOf(deps: AdminDeps, req: Request, res: Response): Promise<UserRecord> {
  const user = await someoneOf(deps, req, res);
  if (user.deletedAt !== null) throw notFound('user', idParam(req));
  return user;
}

/** By the id of the user or of the person, as events and plans name people; also of whom the IdP deleted. */
export async function someoneOf(deps: AdminDeps, req: Request, res: Response): Promise<UserRecord> {
  const id = idParam(req);
  const user = await findUserOrPerson(deps.db, environmentOf(res).id, id);
  if (!user) throw notFound('user', id);
  return user;
}

async function listUsers(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const page = readDirectoryPage(deps, req, res, 'user');
  const rows = await listUsersOfEnvironment(deps.db, { ...page, limit: page.limit + 1 });
  const shown = rows.slice(0, page.limit).map((user) => user.id);
  const memberships = Map.groupBy(await groupsOfUsers(deps.db, shown), (row) => row.userId);
  sendPage(deps, req, res, page, {
    name: 'users',
    rows,
    count: await countOfEnvironment(deps.db, 'users', page),
    keyOf: keyOfRecord,
    toJson: (user) => showUser(deps, user, memberships.get(user.id) ?? []),
  });
}

/** Without members: a group may have more of them than an answer should hold; one group shows them all. */
async function listGroups(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const page = readDirectoryPage(deps, req, res, 'group');
  const rows = await listGroupsOfEnvironment(deps.db, { ...page, limit: page.limit + 1 });
  sendPage(deps, req, res, page, {
    name: 'groups',
    rows,
    count: await countOfEnvironment(deps.db, 'groups', page),
    keyOf: keyOfRecord,
    toJson: (group) => showGroup(deps, group),
  });
}

function readDirectoryPage(deps: AdminDeps, req: Request, res: Response, kind: Kind): PageByKey {
  knownQuery(req, ['filter']);
  return {
    ...readPageOfRecords(req),
    environmentId: environmentOf(res).id,
    filter: readFilter(deps, queryText(req, 'filter'), kind),
  };
}

function readFilter(deps: AdminDeps, text: string | null, kind: Kind): SqlCondition | null {
  if (text === null) return null;
  try {
    return filterToSql(parseFilter(text), kind, dialectOf(deps.db));
  } catch (error) {
    if (error instanceof FilterError) throw queryMistake('filter', `is not understood: ${error.message}`);
    throw error;
  }
}

function showUser(deps: AdminDeps, user: UserRecord, memberships: readonly MembershipRow[]) {
  const self = href(deps, 'environments', user.environmentId, 'users', user.id);
  return {
    schemas: user.resource[ENTERPRISE_URN] === undefined ? [USER_URN] : [USER_URN, ENTERPRISE_URN],
    id: user.id,
    ...user.resource,
    groups: memberships.map(({ groupId, display }) => ({ value: groupId, display })),
    meta: meta('User', user),
    personId: user.personId,
    connectionId: user.connectionId,
    _links: {
      self: { href: self },
      syncStatus: { href: `${self}/syncStatus` },
      timeline: { href: `${self}/timeline` },
    },
  };
}

function showGroup(deps: AdminDeps, group: GroupRecord) {
  return {
    schemas: [GROUP_URN],
    id: group.id,
    ...group.resource,
    meta: meta('Group', group),
    connectionId: group.connectionId,
    _links: { self: { href: href(deps, 'environments', group.environmentId, 'groups', group.id) } },
  };
}

function meta(resourceType: string, record: Pick<UserRecord, 'createdAt' | 'updatedAt' | 'version'>) {
  return {
    resourceType,
    created: record.createdAt,
    lastModified: record.updatedAt,
    version: `W/"${record.version}"`,
  };
}
