/** `…/stores/{id}/sync` and `…/syncs/{syncId}`: scan and settle a whole store on request. */

import { Router } from 'express';
import { z } from 'zod';
import { startSync } from '../control/syncRequest.ts';
import { getSyncRun, type SyncRunRecord } from '../db/runs/syncRuns.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { parseBody } from './body.ts';
import { type AdminDeps, adminOf, idParam, notFound, storeHref, storeOf } from './context.ts';
import { route } from './problem.ts';

const Body = z.strictObject({ repair: z.boolean().default(true) });

export function syncs(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/:id/sync', {
    post: async (req, res) => {
      const options = parseBody(Body, req);
      const store = await storeOf(deps, req, res);
      const run = await startSync(deps.propagation, store, options, adminOf(res).cause);
      res
        .status(202)
        .location(storeHref(deps, store, 'syncs', run.id))
        .json(showSync(deps, store, run));
    },
  });
  route(router, '/:id/syncs/:syncId', {
    get: async (req, res) => {
      const syncId = idParam(req, 'syncId');
      const store = await storeOf(deps, req, res);
      const run = await getSyncRun(deps.db, store.id, syncId);
      if (!run) throw notFound('sync run', syncId);
      res.json(showSync(deps, store, run));
    },
  });
  return router;
}

export function showSync(deps: AdminDeps, store: StoreRecord, run: SyncRunRecord) {
  const { id, storeId, cause, state, repair, createdAt, startedAt, finishedAt, progress, summary, drift } =
    run;
  return {
    id,
    storeId,
    state,
    cause,
    repair,
    correlationId: run.correlationId,
    createdAt,
    startedAt,
    finishedAt,
    progress,
    summary,
    drift,
    ...(run.cause === 'apply' ? { previewId: run.previewId, refused: run.refused } : {}),
    ...(run.error === null ? {} : { error: run.error }),
    _links: { self: { href: storeHref(deps, store, 'syncs', id) } },
  };
}
