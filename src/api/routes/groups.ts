/** `…/groups`: the groups as the connections delivered them, read-only. */

import { membersWithNames } from '../../db/identity/groupMembers.ts';
import {
  findGroupOfEnvironment,
  type GroupRecord,
  listGroupsOfEnvironment,
} from '../../db/identity/groups.ts';
import { countOfEnvironment } from '../../db/lists/resources.ts';
import { GROUP_URN } from '../../directory/query/attributes.ts';
import type { ApiDeps } from '../deps.ts';
import { endpoint, ok } from '../endpoint.ts';
import { href } from '../href.ts';
import { keyOfRecord, PAGE, page } from '../lists.ts';
import { notFound } from '../path.ts';
import { metaOf, pageByKey, readPage } from '../present/resource.ts';
import { FILTER, Group, GroupList } from '../schemas/directory.ts';

const GROUPS = '/environments/:envId/groups';

export const groups = {
  /** Lists leave out members, because a group may have very many; a single group shows them all. */
  listGroups: endpoint({
    method: 'get',
    path: GROUPS,
    scope: 'read',
    summary: 'List the groups of an environment, over all connections',
    query: { ...PAGE, ...FILTER },
    answers: { 200: GroupList },
    handle: async (call, deps) => {
      const wanted = pageByKey(deps, call.environment.id, call.query, 'group');
      const { rows, count } = await readPage(deps, wanted, async (reads, pace) => ({
        rows: await listGroupsOfEnvironment(reads, { ...wanted, pace }),
        count: await countOfEnvironment(reads, 'groups', { ...wanted, pace }),
      }));
      return ok(
        page(call, {
          name: 'groups',
          rows,
          count,
          keyOf: keyOfRecord,
          show: (group) => show(deps, group),
        }),
      );
    },
  }),

  readGroup: endpoint({
    method: 'get',
    path: `${GROUPS}/:groupId`,
    scope: 'read',
    scans: true,
    summary: 'Show a group with its members',
    answers: { 200: Group },
    handle: async ({ environment, params: { groupId } }, deps) => {
      const group = await findGroupOfEnvironment(deps.db, environment.id, groupId);
      if (!group) throw notFound('group', groupId);
      const members = await membersWithNames(deps.db, group.id);
      return ok({
        ...show(deps, group),
        members: members.map(({ userId, display }) => ({ value: userId, display })),
      });
    },
  }),
};

function show(deps: ApiDeps, group: GroupRecord) {
  return {
    schemas: [GROUP_URN],
    id: group.id,
    ...group.resource,
    displayName: group.displayName,
    meta: metaOf('Group', group),
    connectionId: group.connectionId,
    _links: { self: { href: href(deps, 'environments', group.environmentId, 'groups', group.id) } },
  };
}
