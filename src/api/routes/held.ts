/** `…/propagation/held`: losses of all stores that wait for a decision, by person. */

import type { z } from 'zod';
import { decideOnHeld, type Selection } from '../../control/losses/held.ts';
import { countLosers, listLosers, lossesOf } from '../../db/brake/heldLists.ts';
import { endpoint, ok } from '../endpoint.ts';
import { PAGE, page, readCursor } from '../lists.ts';
import { knownOfLosses, showHeld, showPerson } from '../present/losses.ts';
import { HeldDecision, HeldPeople } from '../schemas/incidents.ts';
import { Approved, Discarded } from '../schemas/stores/changes.ts';

const HELD = '/environments/:envId/propagation/held';
const NOT_HELD = 'Something of the selection is not held any more; nothing was decided.';

export const everythingHeld = {
  listEverythingHeld: endpoint({
    method: 'get',
    path: HELD,
    scope: 'read',
    scans: true,
    summary: 'List what the brake holds on all stores, by person, those who left first',
    query: PAGE,
    answers: { 200: HeldPeople },
    handle: async (call, deps) => {
      const where = { environment_id: call.environment.id, state: 'held' };
      const key = readCursor(call.query, ['integer', 'text', 'text']);
      const after = key && { rank: Number(key[0]), since: String(key[1]), personKey: String(key[2]) };
      const rows = await listLosers(deps.db, where, { after, limit: call.query.limit + 1 });
      const losses = await lossesOf(
        deps.db,
        where,
        rows.map((row) => row.personKey),
      );
      const known = await knownOfLosses(deps.db, call.environment.id, losses);
      return ok(
        page(call, {
          name: 'held',
          rows,
          count: await countLosers(deps.db, where),
          keyOf: (row) => [row.rank, row.since, row.personKey],
          show: (row) => {
            const { own, shown } = showPerson(row, losses, known);
            return { ...shown, items: own.map((loss) => showHeld(loss, known)) };
          },
        }),
      );
    },
  }),

  approveEverythingHeld: endpoint({
    method: 'post',
    path: `${HELD}/approve`,
    scope: 'write',
    summary: 'Approve held losses on all stores: exactly these are carried out',
    body: HeldDecision,
    answers: { 200: Approved },
    refusals: { 409: NOT_HELD },
    handle: async ({ environment, body, cause }, deps) => {
      const where = { environment_id: environment.id };
      const rows = await decideOnHeld(deps.propagation, where, selectionOf(body), 'approved', cause);
      return ok({ approved: rows.length, ids: rows.map((row) => row.id) });
    },
  }),

  discardEverythingHeld: endpoint({
    method: 'post',
    path: `${HELD}/discard`,
    scope: 'write',
    summary: 'Discard held losses on all stores: they do not happen while the directory stays as it is',
    body: HeldDecision,
    answers: { 200: Discarded },
    refusals: { 409: NOT_HELD },
    handle: async ({ environment, body, cause }, deps) => {
      const where = { environment_id: environment.id };
      const rows = await decideOnHeld(deps.propagation, where, selectionOf(body), 'discarded', cause);
      return ok({ discarded: rows.length, ids: rows.map((row) => row.id) });
    },
  }),
};

function selectionOf({ ids, personIds }: z.output<typeof HeldDecision>): Selection {
  if (ids) return { ids };
  return personIds ? { personIds } : { all: true };
}
