/** `/Users` (RFC 7643 §4.1): calls the directory for each operation and answers in SCIM. */

import { groupsOfUsers, type MembershipRow } from '../db/identity/groupMembers.ts';
import { findUser, findUsers, listUsers, type UserRecord } from '../db/identity/users.ts';
import { DirectoryRefusal } from '../directory/refusal.ts';
import { changeUser, createUser, deleteUser } from '../directory/users.ts';
import { isActive } from '../model/resource.ts';
import { etagOf } from './answer/etag.ts';
import { readPage } from './answer/list.ts';
import { presentUser, userLocation } from './answer/present.ts';
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
    const { items, ...page } = await readPage(scim, call, 'user', query, listUsers);
    return { ...page, resources: await show(scim, call, items) };
  },

  async readAll(scim, call, ids) {
    const found = await findUsers(scim.reads, call.principal.connection.id, ids);
    const shown = await show(scim, call, found);
    return new Map(found.map(({ id }, index) => [id, shown[index] ?? {}]));
  },

  async read(scim, call, id) {
    const user = await findUser(scim.keyedReads, call.principal.connection.id, id);
    if (!user) throw new DirectoryRefusal('notFound', `There is no user ${id}.`);
    return answer(scim, call, 200, user, await groupsOf(scim, call, [user]));
  },

  async create(scim, call) {
    const { resource, unknown } = coerceUser(objectBody(call.body));
    refuseUnknown(call, unknown);
    const user = await createUser(scim.directory, writeOf(call), resource);
    await scim.recordAttributesSeen(call, 'user', [...namesIn('user', resource), ...unknown]);
    return answer(scim, call, 201, user, []);
  },

  async replace(scim, call, id) {
    const { resource, unknown } = coerceUser(objectBody(call.body));
    const user = await changeUser(scim.directory, writeOf(call), id, {
      precondition: call.precondition,
      edit: (current) => {
        const leaves = isActive(current) && !isActive(resource);
        if (!leaves) refuseUnknown(call, unknown);
        return { active: current.active, ...resource };
      },
    });
    await scim.recordAttributesSeen(call, 'user', [...namesIn('user', resource), ...unknown]);
    return answer(scim, call, 200, user, await scim.afterCommit(call, () => groupsOf(scim, call, [user])));
  },

  async patch(scim, call, id) {
    const operations = patchOperations(objectBody(call.body));
    let sent: readonly string[] = [];
    const user = await changeUser(scim.directory, writeOf(call), id, {
      precondition: call.precondition,
      edit: (current) => {
        const patched = patchUser(current, operations, patchOptions(call));
        sent = [...namesIn('user', patched.resource, patched.touched), ...patched.unknown];
        return patched.resource;
      },
    });
    await scim.recordAttributesSeen(call, 'user', sent);
    return answer(scim, call, 200, user, await scim.afterCommit(call, () => groupsOf(scim, call, [user])));
  },

  async remove(scim, call, id) {
    await deleteUser(scim.directory, writeOf(call), id, call.precondition);
    return { status: 204 };
  },
};

/** `memberships` is undefined where the answer leaves them out; a new user has none. */
function answer(
  scim: Scim,
  call: Call,
  status: number,
  user: UserRecord,
  memberships: readonly MembershipRow[] | undefined,
): Answer {
  const shown = includes(call.projection, 'groups') ? memberships : undefined;
  return {
    status,
    body: project(call.projection, presentUser(scim.baseUrl, user, shown)),
    tag: etagOf(user.version, shown),
    location: userLocation(scim.baseUrl, user.id),
    id: user.id,
    ...(call.method !== 'GET' && !isActive(user.resource) ? { leaves: true } : {}),
  };
}

/** Undefined where the client does not want them. */
async function groupsOf(
  scim: Scim,
  call: Call,
  page: readonly UserRecord[],
): Promise<readonly MembershipRow[] | undefined> {
  if (!includes(call.projection, 'groups')) return undefined;
  return groupsOfUsers(
    page.length === 1 ? scim.keyedReads : scim.reads,
    page.map((user) => user.id),
  );
}

async function show(scim: Scim, call: Call, page: readonly UserRecord[]): Promise<readonly object[]> {
  const memberships = await groupsOf(scim, call, page);
  const byUser = Map.groupBy(memberships ?? [], (membership) => membership.userId);
  return page.map((user) => {
    const groups = memberships && (byUser.get(user.id) ?? []);
    return project(call.projection, presentUser(scim.baseUrl, user, groups));
  });
}
