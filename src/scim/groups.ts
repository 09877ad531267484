/**
 * `/Groups` (RFC 7643 §4.2): calls the directory for each operation and answers in SCIM. Members are read only for an
 * answer that shows them, and while it is sent where there may be many. Lists show them only if `attributes` names
 * them, and a PATCH answers 204, so that neither ever holds a large group.
 */

import { setImmediate } from 'node:timers/promises';
import {
  MEMBERS_PER_PAGE,
  type MemberRow,
  memberPages,
  membersAfter,
  membersWithNames,
} from '../db/identity/groupMembers.ts';
import { findGroup, findGroups, type GroupRecord, listGroups } from '../db/identity/groups.ts';
import { changeGroup, createGroup, deleteGroup } from '../directory/groups.ts';
import { DirectoryRefusal } from '../directory/refusal.ts';
import type { Resource } from '../model/resource.ts';
import { etagOf } from './answer/etag.ts';
import { readPage } from './answer/list.ts';
import { groupLocation, presentGroup } from './answer/present.ts';
import { asksFor, includes, isSelection, project } from './answer/projection.ts';
import { patchOperations, patchOptions, refuseUnknown } from './operations.ts';
import { patchGroup } from './patch/group.ts';
import { objectBody } from './request/body.ts';
import {
  type Answer,
  type Call,
  type Endpoint,
  type Listed,
  type LongBody,
  type Scim,
  writeOf,
} from './request/call.ts';
import { coerceGroup } from './request/coerce.ts';
import { namesIn } from './request/names.ts';

export const groups: Endpoint = {
  kind: 'group',
  path: '/Groups',

  async list(scim, call, query) {
    const { items, ...page } = await readPage(scim, call, 'group', query, listGroups);
    return { ...page, resources: show(scim, call, items) };
  },

  async readAll(scim, call, ids) {
    const found = await findGroups(scim.reads, call.principal.connection.id, ids);
    const shown = show(scim, call, found);
    return new Map(found.map(({ id }, index) => [id, shown[index] ?? {}]));
  },

  async read(scim, call, id) {
    const group = await findGroup(scim.keyedReads, call.principal.connection.id, id);
    if (!group) throw new DirectoryRefusal('notFound', `There is no group ${id}.`);
    const answered = answer(scim, call, 200, group, undefined);
    if (!includes(call.projection, 'members')) return answered;
    return { ...answered, ...(await withMembers(scim, call, group)) };
  },

  async create(scim, call) {
    const { resource, memberIds, unknown } = coerceGroup(objectBody(call.body));
    refuseUnknown(call, unknown);
    const group = await createGroup(scim.directory, writeOf(call), resource, memberIds ?? []);
    await scim.recordAttributesSeen(call, 'group', sentNames(resource, memberIds, unknown));
    return answerWrite(scim, call, 201, group);
  },

  async replace(scim, call, id) {
    const { resource, memberIds, unknown } = coerceGroup(objectBody(call.body));
    refuseUnknown(call, unknown);
    const group = await changeGroup(scim.directory, writeOf(call), id, {
      precondition: call.precondition,
      edit: () => ({ resource, members: memberIds ? [{ op: 'replace', ids: memberIds }] : [] }),
    });
    await scim.recordAttributesSeen(call, 'group', sentNames(resource, memberIds, unknown));
    return answerWrite(scim, call, 200, group);
  },

  async patch(scim, call, id) {
    const operations = patchOperations(objectBody(call.body));
    let sent: readonly string[] = [];
    const group = await changeGroup(scim.directory, writeOf(call), id, {
      precondition: call.precondition,
      edit: (current) => {
        const patched = patchGroup(current, operations, patchOptions(call));
        const memberIds = patched.members.length > 0 ? [] : null;
        sent = sentNames(patched.resource, memberIds, patched.unknown, patched.touched);
        return patched;
      },
    });
    await scim.recordAttributesSeen(call, 'group', sent);
    // RFC 7644 §3.5.2 demands a body only where the client selects attributes.
    if (isSelection(call.projection)) return answerWrite(scim, call, 200, group);
    return { status: 204, tag: etagOf(group.version), location: groupLocation(scim.baseUrl, group.id) };
  },

  async remove(scim, call, id) {
    await deleteGroup(scim.directory, writeOf(call), id, call.precondition);
    return { status: 204 };
  },
};

function sentNames(
  resource: Resource,
  memberIds: readonly string[] | null,
  unknown: readonly string[],
  only?: ReadonlySet<string>,
): readonly string[] {
  return [...namesIn('group', resource, only), ...(memberIds ? ['members.value'] : []), ...unknown];
}

/**
 * Reads all members before the answer begins: the write has committed, so an error while reading must not look as if
 * it had failed.
 */
async function answerWrite(scim: Scim, call: Call, status: number, group: GroupRecord): Promise<Answer> {
  const members = await scim.afterCommit(call, () => membersOf(scim, call, group));
  const answered = answer(scim, call, status, group, members?.slice(0, MEMBERS_PER_PAGE));
  if (!members || members.length <= MEMBERS_PER_PAGE) return answered;
  const pages = shownPages(scim, call, group, inTurns(members, MEMBERS_PER_PAGE));
  return { ...answered, more: { list: 'members', pages } };
}

/** Page by page; between two pages other requests get their turn. */
async function* inTurns<T>(values: readonly T[], perPage: number): AsyncGenerator<readonly T[]> {
  for (let from = perPage; from < values.length; from += perPage) {
    await setImmediate();
    yield values.slice(from, from + perPage);
  }
}

/** `members` is undefined where the answer leaves them out. */
function answer(
  scim: Scim,
  call: Call,
  status: number,
  group: GroupRecord,
  members: readonly MemberRow[] | undefined,
): Answer {
  return {
    status,
    body: project(call.projection, presentGroup(scim.baseUrl, group, members)),
    tag: etagOf(group.version),
    location: groupLocation(scim.baseUrl, group.id),
    id: group.id,
  };
}

/** Undefined where the client does not want them. */
async function membersOf(
  scim: Scim,
  call: Call,
  group: GroupRecord,
): Promise<readonly MemberRow[] | undefined> {
  return includes(call.projection, 'members') ? membersWithNames(scim.reads, group.id) : undefined;
}

async function* shownPages(
  scim: Scim,
  call: Call,
  group: GroupRecord,
  pages: AsyncIterable<readonly MemberRow[]>,
): AsyncGenerator<readonly object[]> {
  for await (const page of pages) {
    const shown = project(call.projection, presentGroup(scim.baseUrl, group, page));
    yield (shown as { members?: readonly object[] }).members ?? [];
  }
}

async function withMembers(scim: Scim, call: Call, group: GroupRecord): Promise<LongBody> {
  const first = await membersAfter(scim.reads, group.id, null);
  const body = project(call.projection, presentGroup(scim.baseUrl, group, first));
  const last = first.length < MEMBERS_PER_PAGE ? undefined : first.at(-1);
  if (!last) return { body };
  const pages = shownPages(scim, call, group, memberPages(scim.reads, group.id, last.userId));
  return { body, more: { list: 'members', pages } };
}

function show(scim: Scim, call: Call, page: readonly GroupRecord[]): readonly Listed[] {
  if (asksFor(call.projection, 'members')) return page.map((group) => () => withMembers(scim, call, group));
  return page.map((group) => project(call.projection, presentGroup(scim.baseUrl, group, undefined)));
}
