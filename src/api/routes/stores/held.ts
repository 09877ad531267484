/** `…/stores/{id}/held`: losses that wait for an admin's decision. */

import type { z } from 'zod';
import { decideOnHeld, type Selection } from '../../../control/losses/held.ts';
import { countOpenHeld, listOpenHeld } from '../../../db/brake/heldLists.ts';
import { endpoint, ok } from '../../endpoint.ts';
import { PAGE, page, readCursor } from '../../lists.ts';
import { knownOfHeld, showHeld } from '../../present/held.ts';
import { Approved, Decision, Discarded, HeldList } from '../../schemas/stores/changes.ts';

const HELD = '/environments/:envId/propagation/stores/:storeId/held';
const NOT_HELD = 'One of the ids is not held any more; nothing was decided.';

export const held = {
  listHeld: endpoint({
    method: 'get',
    path: HELD,
    scope: 'read',
    scans: true,
    summary: 'List what the brake holds on a store, people who left first',
    query: PAGE,
    answers: { 200: HeldList },
    handle: async (call, deps) => {
      const key = readCursor(call.query, ['integer', 'text', 'text']);
      const after = key && { rank: Number(key[0]), since: String(key[1]), id: String(key[2]) };
      const rows = await listOpenHeld(deps.db, call.store.id, { after, limit: call.query.limit + 1 });
      const known = await knownOfHeld(deps, rows);
      return ok(
        page(call, {
          name: 'held',
          rows,
          count: await countOpenHeld(deps.db, call.store.id),
          keyOf: (row) => [row.rank, row.since, row.id],
          show: (row) => showHeld(row, known),
        }),
      );
    },
  }),

  approveHeld: endpoint({
    method: 'post',
    path: `${HELD}/approve`,
    scope: 'write',
    summary: 'Approve held losses: exactly these are carried out',
    body: Decision,
    answers: { 200: Approved },
    refusals: { 409: NOT_HELD },
    handle: async ({ store, body, cause }, deps) => {
      const where = { store_id: store.id };
      const rows = await decideOnHeld(deps.propagation, where, selectionOf(body), 'approved', cause);
      return ok({ approved: rows.length, ids: rows.map((row) => row.id) });
    },
  }),

  discardHeld: endpoint({
    method: 'post',
    path: `${HELD}/discard`,
    scope: 'write',
    summary: 'Discard held losses: they do not happen while the directory stays as it is',
    body: Decision,
    answers: { 200: Discarded },
    refusals: { 409: NOT_HELD },
    handle: async ({ store, body, cause }, deps) => {
      const where = { store_id: store.id };
      const rows = await decideOnHeld(deps.propagation, where, selectionOf(body), 'discarded', cause);
      return ok({ discarded: rows.length, ids: rows.map((row) => row.id) });
    },
  }),
};

function selectionOf({ ids }: z.output<typeof Decision>): Selection {
  return ids === undefined ? { all: true } : { ids };
}
