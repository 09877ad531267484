/** `…/stores/{id}/held`: losses that wait for a person, and their decision. */

import { type Request, Router } from 'express';
import { z } from 'zod';
import { approveHeld, discardHeld, type Selection } from '../control/held.ts';
import { countOpenHeld, type HeldRecord, listOpenHeld } from '../db/brake/held.ts';
import { RequestError } from '../model/errors.ts';
import { shownChange } from '../sync/preview/shownChange.ts';
import { idText, parseBody } from './body.ts';
import { type AdminDeps, adminOf, storeOf } from './context.ts';
import { knownQuery, readPage, sendPage } from './page.ts';
import { route } from './problem.ts';

const IDS_MAX = 10_000;

const Body = z.strictObject({
  ids: z.array(idText).min(1, 'must not be empty').max(IDS_MAX).optional(),
  all: z.literal(true).optional(),
});

export function held(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/:id/held', {
    get: async (req, res) => {
      knownQuery(req, []);
      const { limit, after } = readPage(req, ['integer', 'text', 'text']);
      const store = await storeOf(deps, req, res);
      const position = after && { rank: Number(after[0]), since: String(after[1]), id: String(after[2]) };
      sendPage(
        deps,
        req,
        res,
        { limit },
        {
          name: 'held',
          rows: await listOpenHeld(deps.db, store.id, { after: position, limit: limit + 1 }),
          count: await countOpenHeld(deps.db, store.id),
          keyOf: (row) => [row.rank, row.since, row.id],
          toJson: show,
        },
      );
    },
  });
  route(router, '/:id/held/approve', {
    post: async (req, res) => {
      const selection = readSelection(req);
      const { id } = await storeOf(deps, req, res);
      const rows = await approveHeld(deps.propagation, id, selection, adminOf(res).cause);
      res.json({ approved: rows.length, ids: rows.map((row) => row.id) });
    },
  });
  route(router, '/:id/held/discard', {
    post: async (req, res) => {
      const selection = readSelection(req);
      const { id } = await storeOf(deps, req, res);
      const rows = await discardHeld(deps.propagation, id, selection, adminOf(res).cause);
      res.json({ discarded: rows.length, ids: rows.map((row) => row.id) });
    },
  });
  return router;
}

/** Nothing is approved by an empty body. */
function readSelection(req: Request): Selection {
  const { ids, all } = parseBody(Body, req);
  if (ids !== undefined && all === undefined) return { ids };
  if (all && ids === undefined) return { all };
  const detail = 'send either ids, or all: true';
  throw new RequestError(400, `Which ones? S${detail.slice(1)}.`, [{ pointer: '', detail }]);
}

function show(row: HeldRecord) {
  const { id, change, cause, reason, since } = row;
  const changes = [{ id, ...shownChange(change), held: true }];
  return { id, subject: change.subject, changes, cause, reason, since };
}
