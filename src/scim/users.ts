/** `/Users` (RFC 7643 §4.1): calls the directory for each operation and answers in SCIM. */

import { groupsOfUsers } from '../db/identity/groupMembers.ts';
import { findUser, findUsers, type UserRecord } from '../db/identity/users.ts';
import type { PageByPosition } from '../db/lists/resources.ts';
import { findShownUser, listUsers, type ShownUser } from '../db/lists/users.ts';
import type { Db } from '../db/open.ts';
import { namedManagers } from '../db/people/managers.ts';
import { isOfNamed } from '../directory/query/cost.ts';
import { DirectoryRefusal } from '../directory/refusal.ts';
import { changeUser, createUser, deleteUser } from '../directory/users.ts';
import { isActive } from '../model/resource.ts';
import { ENTERPRISE_URN, managerOf } from '../model/source.ts';
import { etagOf } from './answer/etag.ts';
import { filterIn, readPage } from './answer/list.ts';
import { type Beside, presentUser, userLocation } from './answer/present.ts';
import { includes, project } from './answer/projection.ts';
import { patchOperations, patchOptions, refuseUnknown } from './operations.ts';
import { patchUser } from './patch/user.ts';
import { objectBody } from './request/body.ts';
import { type Answer, type Call, type Endpoint, type Scim, writeOf } from './request/call.ts';
import { coerceUser } from './request/coerce.ts';
import { namesIn } from './request/names.ts';

export const users: Endpoint = {
  kind: 'user',
  path: '/Users',

  async list(scim, call, query) {
    const withGroups = includes(call.projection, 'groups') && isOfNamed(filterIn(query), 'user');
    const read = (db: Db, page: PageByPosition) => listUsers(db, page, withGroups);
    const { items, ...page } = await readPage(scim, call, 'user', query, read);
    return { ...page, resources: await show(scim, call, items) };
  },

  async readAll(scim, call, ids) {
    const found = await findUsers(scim.reads, call.principal.connection.id, ids);
    const shown = await show(scim, call, found);
    return new Map(found.map(({ id }, index) => [id, shown[index] ?? {}]));
  },

  async read(scim, call, id) {
    const find = includes(call.projection, 'groups') ? findShownUser : findUser;
    const user = await find(scim.keyedReads, call.principal.connection.id, id);
    if (!user) throw new DirectoryRefusal('notFound', `There is no user ${id}.`);
    return answer(scim, call, 200, user, await besideOf(scim, call, [user]));
  },

  async create(scim, call) {
    const { resource, unknown } = coerceUser(objectBody(call.body));
    refuseUnknown(call, unknown);
    const user = await createUser(scim.directory, writeOf(call), resource);
    await scim.recordAttributesSeen(call, 'user', [...namesIn('user', resource), ...unknown]);
    const beside = await scim.afterCommit(call, () => besideOf(scim, call, [{ ...user, groups: [] }]));
    return answer(scim, call, 201, user, beside);
  },

  async replace(scim, call, id) {
    const { resource, unknown } = coerceUser(objectBody(call.body));
    const user = await changeUser(scim.directory, writeOf(call), id, {
      precondition: call.precondition,
      withGroups: includes(call.projection, 'groups'),
      edit: (current) => {
        const leaves = isActive(current) && !isActive(resource);
        if (!leaves) refuseUnknown(call, unknown);
        return { active: current.active, ...resource };
      },
    });
    await scim.recordAttributesSeen(call, 'user', [...namesIn('user', resource), ...unknown]);
    return answer(scim, call, 200, user, await scim.afterCommit(call, () => besideOf(scim, call, [user])));
  },

  async patch(scim, call, id) {
    const operations = patchOperations(objectBody(call.body));
    let sent: readonly string[] = [];
    const user = await changeUser(scim.directory, writeOf(call), id, {
      precondition: call.precondition,
      withGroups: includes(call.projection, 'groups'),
      edit: (current) => {
        const patched = patchUser(current, operations, patchOptions(call));
        sent = [...namesIn('user', patched.resource, patched.touched), ...patched.unknown];
        return patched.resource;
      },
    });
    await scim.recordAttributesSeen(call, 'user', sent);
    return answer(scim, call, 200, user, await scim.afterCommit(call, () => besideOf(scim, call, [user])));
  },

  async remove(scim, call, id) {
    await deleteUser(scim.directory, writeOf(call), id, call.precondition);
    return { status: 204 };
  },
};

/** `beside` is undefined where it could not be read. */
function answer(
  scim: Scim,
  call: Call,
  status: number,
  user: UserRecord,
  beside: BesideOf = () => ({ groups: undefined, manager: null }),
): Answer {
  const { groups, manager } = beside(user);
  return {
    status,
    body: project(call.projection, presentUser(scim.baseUrl, user, { groups, manager })),
    tag: etagOf(user.version, groups, manager),
    location: userLocation(scim.baseUrl, user.id),
    id: user.id,
    ...(call.method !== 'GET' && !isActive(user.resource) ? { leaves: true } : {}),
  };
}

async function show(scim: Scim, call: Call, page: readonly UserRecord[]): Promise<readonly object[]> {
  const beside = await besideOf(scim, call, page);
  return page.map((user) => project(call.projection, presentUser(scim.baseUrl, user, beside(user))));
}

type BesideOf = (user: UserRecord) => Beside;

/** Reads what these users are shown with, as far as the client wants it and it was not read with them. */
async function besideOf(scim: Scim, call: Call, page: readonly ShownUser[]): Promise<BesideOf> {
  const db = page.length === 1 ? scim.keyedReads : scim.reads;
  const leads = includes(call.projection, ENTERPRISE_URN)
    ? page.flatMap(({ resource }) => managerOf(resource) ?? [])
    : [];
  const isShown = includes(call.projection, 'groups');
  const unread = isShown ? page.filter(({ groups }) => groups === undefined) : [];
  const memberships = await groupsOfUsers(
    db,
    unread.map(({ id }) => id),
  );
  const managers = await namedManagers(db, call.principal.connection.id, [...new Set(leads)]);
  const byUser = Map.groupBy(memberships, ({ userId }) => userId);
  const read = new Map(page.map(({ id, groups }) => [id, groups]));
  return ({ id, resource }) => ({
    groups: isShown ? (read.get(id) ?? byUser.get(id) ?? []) : undefined,
    manager: managers.get(managerOf(resource) ?? '') ?? null,
  });
}
