/**
 * `/Groups` (RFC 7643 §4.2): from operations to the directory's use cases, and back to SCIM. Members are
 * read only for an answer that shows them; lists show them only where the client names them in
 * `attributes`, and a PATCH is answered 204, so that neither ever reads a large group.
 */

import { membersWithNames } from '../db/groupMembers.ts';
import { findGroup, type GroupRecord, listGroups } from '../db/groups.ts';
import { changeGroup, createGroup, deleteGroup } from '../directory/groups.ts';
import { DirectoryRefusal } from '../directory/refusal.ts';
import { objectBody } from './body.ts';
import { type Answer, type Call, type Endpoint, type Scim, writeOf } from './call.ts';
import { coerceGroup } from './coerce.ts';
import { pageOf } from './list.ts';
import { patchOperations, patchOptions } from './operations.ts';
import { patchGroup } from './patch/group.ts';
import { groupLocation, presentGroup } from './present.ts';
import { asksFor, includes, isSelection, project } from './projection.ts';

export const groups: Endpoint = {
  kind: 'group',
  path: '/Groups',

  async list(scim, call, query) {
    const { total, items } = await listGroups(scim.directory.db, pageOf(scim, call, 'group', query));
    const withMembers = asksFor(call.projection, 'members');
    const resources: object[] = [];
    for (const group of items) resources.push(await show(scim, call, group, withMembers));
    return { total, resources };
  },

  async read(scim, call, id) {
    const group = await findGroup(scim.directory.db, call.principal.connection.id, id);
    if (!group) throw new DirectoryRefusal('notFound', `There is no group ${id}.`);
    return answer(scim, call, 200, group);
  },

  async create(scim, call) {
    const { resource, memberIds, unknown } = coerceGroup(objectBody(call.body));
    const group = await createGroup(scim.directory, writeOf(call), resource, memberIds ?? []);
    await scim.noteUnknown(call, 'group', unknown);
    return answer(scim, call, 201, group);
  },

  async replace(scim, call, id) {
    const { resource, memberIds, unknown } = coerceGroup(objectBody(call.body));
    const group = await changeGroup(scim.directory, writeOf(call), id, {
      precondition: call.precondition,
      edit: () => ({ resource, members: memberIds ? [{ op: 'replace', ids: memberIds }] : [] }),
    });
    await scim.noteUnknown(call, 'group', unknown);
    return answer(scim, call, 200, group);
  },

  async patch(scim, call, id) {
    const operations = patchOperations(objectBody(call.body));
    let unknown: readonly string[] = [];
    const group = await changeGroup(scim.directory, writeOf(call), id, {
      precondition: call.precondition,
      edit: (current) => {
        const patched = patchGroup(current, operations, patchOptions(call));
        unknown = patched.unknown;
        return patched;
      },
    });
    await scim.noteUnknown(call, 'group', unknown);
    // RFC 7644 §3.5.2: a body is due only where the client selects attributes.
    if (isSelection(call.projection)) return answer(scim, call, 200, group);
    return { status: 204, version: group.version, location: groupLocation(scim.baseUrl, group.id) };
  },

  async remove(scim, call, id) {
    await deleteGroup(scim.directory, writeOf(call), id, call.precondition);
    return { status: 204 };
  },
};

async function answer(scim: Scim, call: Call, status: number, group: GroupRecord): Promise<Answer> {
  return {
    status,
    body: await show(scim, call, group, includes(call.projection, 'members')),
    version: group.version,
    location: groupLocation(scim.baseUrl, group.id),
    id: group.id,
  };
}

async function show(scim: Scim, call: Call, group: GroupRecord, withMembers: boolean): Promise<object> {
  const members = withMembers ? await membersWithNames(scim.directory.db, group.id) : undefined;
  return project(call.projection, presentGroup(scim.baseUrl, group, members));
}
