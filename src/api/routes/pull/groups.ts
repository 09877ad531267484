/** `…/connections/{id}/groups`: the groups that a pulled directory has, for an admin who chooses among them. */

import { groupsOfSource } from '../../../control/pull/groups.ts';
import { endpoint, ok } from '../../endpoint.ts';
import { PAGE, portion, readCursor } from '../../lists.ts';
import { SOURCE_GROUPS_QUERY, SourceGroupList } from '../../schemas/pull/groups.ts';
import { pulled } from './lifecycle.ts';

export const connectionGroups = {
  listSourceGroups: endpoint({
    method: 'get',
    path: '/environments/:envId/connections/:connectionId/groups',
    scope: 'read',
    summary: 'Ask the directory of a pulled connection which groups it has, chosen or not',
    query: { ...PAGE, ...SOURCE_GROUPS_QUERY },
    answers: { 200: SourceGroupList },
    refusals: {
      409: 'It is not pulled, or only adds to people; or its credential may not read groups.',
      503: 'The directory did not answer, or no worker is there to ask.',
    },
    handle: async (call, deps) => {
      const record = await pulled(deps, call.connection);
      const { limit, q = null } = call.query;
      const [portionAt = '', passed = 0] = readCursor(call.query, ['text', 'integer']) ?? [];
      const from = { portion: portionAt === '' ? null : String(portionAt), passed: Number(passed) };
      const { groups, next } = await groupsOfSource(deps.propagation, record, { search: q, limit, from });
      const shown = groups.map(({ state: _, ...group }) => group);
      return ok(portion(call, 'groups', shown, next && [next.portion ?? '', next.passed]));
    },
  }),
};
