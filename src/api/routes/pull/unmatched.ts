/** `…/connections/{id}/unmatched`: accounts that a connection has seen and could not match with a person. */

import { namesOfPeople } from '../../../db/identity/subjects.ts';
import { countIdentities, unmatchedPage } from '../../../db/pull/identities.ts';
import { endpoint, ok } from '../../endpoint.ts';
import { PAGE, page, readCursor } from '../../lists.ts';
import { UnmatchedList } from '../../schemas/pull/runs.ts';
import { pulled } from './lifecycle.ts';

export const connectionIdentities = {
  listUnmatched: endpoint({
    method: 'get',
    path: '/environments/:envId/connections/:connectionId/unmatched',
    scope: 'read',
    scans: true,
    summary: 'List the accounts that are nobody’s, and who comes near',
    query: PAGE,
    answers: { 200: UnmatchedList },
    refusals: { 409: 'It is not pulled.' },
    handle: async (call, deps) => {
      const { id } = await pulled(deps, call.connection);
      const key = readCursor(call.query, ['text']);
      const rows = await unmatchedPage(deps.db, id, key ? String(key[0]) : '', call.query.limit + 1);
      const near = [...new Set(rows.flatMap(({ doubt }) => doubt?.near ?? []))];
      const names = await namesOfPeople(deps.db, near);
      const { unmatched: count } = await countIdentities(deps.db, id);
      const shown = ({ vendorId, name, email, state, doubt }: (typeof rows)[number]) => ({
        ...{ id: vendorId, name, state, why: doubt?.why ?? ('nobody' as const) },
        ...(email === null ? {} : { email }),
        near: (doubt?.near ?? []).map((person) => ({
          id: person,
          display: names.get(person)?.display ?? person,
        })),
      });
      return ok(
        page(call, { name: 'unmatched', rows, count, keyOf: ({ vendorId }) => [vendorId], show: shown }),
      );
    },
  }),
};
