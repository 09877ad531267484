/** `/Users` (RFC 7643 §4.1): from operations to the directory's use cases, and back to SCIM. */

import { groupsOfUsers, type MembershipRow } from '../db/groupMembers.ts';
import { findUser, listUsers, type UserRecord } from '../db/users.ts';
import { DirectoryRefusal } from '../directory/refusal.ts';
import { changeUser, createUser, deleteUser } from '../directory/users.ts';
import { objectBody } from './body.ts';
import { type Answer, type Call, type Endpoint, type Scim, writeOf } from './call.ts';
import { coerceUser } from './coerce.ts';
import { pageOf } from './list.ts';
import { patchOperations, patchOptions } from './operations.ts';
import { patchUser } from './patch/user.ts';
import { presentUser, userLocation } from './present.ts';
import { includes, project } from './projection.ts';

export const users: Endpoint = {
  kind: 'user',
  path: '/Users',

  async list(scim, call, query) {
    const { total, items } = await listUsers(scim.directory.db, pageOf(scim, call, 'user', query));
    return { total, resources: await show(scim, call, items) };
  },

  async read(scim, call, id) {
    const user = await findUser(scim.directory.db, call.principal.connection.id, id);
    if (!user) throw new DirectoryRefusal('notFound', `There is no user ${id}.`);
    return answer(scim, call, 200, user);
  },

  async create(scim, call) {
    const body = objectBody(call.body);
    const { resource, unknown } = coerceUser(body);
    const user = await createUser(scim.directory, writeOf(call), resource);
    await scim.noteUnknown(call, 'user', unknown);
    return answer(scim, call, 201, user, []);
  },

  async replace(scim, call, id) {
    const { resource, unknown } = coerceUser(objectBody(call.body));
    const user = await changeUser(scim.directory, writeOf(call), id, {
      precondition: call.precondition,
      edit: (current) => ({ active: current.active, ...resource }),
    });
    await scim.noteUnknown(call, 'user', unknown);
    return answer(scim, call, 200, user);
  },

  async patch(scim, call, id) {
    const operations = patchOperations(objectBody(call.body));
    let unknown: readonly string[] = [];
    const user = await changeUser(scim.directory, writeOf(call), id, {
      precondition: call.precondition,
      edit: (current) => {
        const patched = patchUser(current, operations, patchOptions(call));
        unknown = patched.unknown;
        return patched.resource;
      },
    });
    await scim.noteUnknown(call, 'user', unknown);
    return answer(scim, call, 200, user);
  },

  async remove(scim, call, id) {
    await deleteUser(scim.directory, writeOf(call), id, call.precondition);
    return { status: 204 };
  },
};

/** `memberships` where they are known: a new user has none. */
async function answer(
  scim: Scim,
  call: Call,
  status: number,
  user: UserRecord,
  memberships?: readonly MembershipRow[],
): Promise<Answer> {
  const [body] = await show(scim, call, [user], memberships);
  return {
    status,
    ...(body && { body }),
    version: user.version,
    location: userLocation(scim.baseUrl, user.id),
    id: user.id,
  };
}

async function show(
  scim: Scim,
  call: Call,
  page: readonly UserRecord[],
  known?: readonly MembershipRow[],
): Promise<readonly object[]> {
  const ids = page.map((user) => user.id);
  const shown = includes(call.projection, 'groups');
  const memberships = shown ? (known ?? (await groupsOfUsers(scim.directory.db, ids))) : [];
  const groupsOf = Map.groupBy(memberships, (membership) => membership.userId);
  return page.map((user) => {
    const groups = shown ? (groupsOf.get(user.id) ?? []) : undefined;
    return project(call.projection, presentUser(scim.baseUrl, user, groups));
  });
}
