/** `…/stores/{id}/sync` and `…/syncs/{syncId}`: scans a whole store on request and settles what differs. */

import { startSync } from '../../../control/syncRequest.ts';
import { getSyncRun } from '../../../db/runs/syncRuns.ts';
import { accepted, endpoint, ok } from '../../endpoint.ts';
import { storeHref } from '../../href.ts';
import { notFound } from '../../path.ts';
import { showSync } from '../../present/sync.ts';
import { NewSync, SyncRun } from '../../schemas/stores/runs.ts';

const STORE = '/environments/:envId/propagation/stores/:storeId';

export const syncs = {
  startSync: endpoint({
    method: 'post',
    path: `${STORE}/sync`,
    scope: 'write',
    summary: 'Scan a store and settle it now, or only report what differs',
    body: NewSync,
    answers: { 202: SyncRun },
    refusals: { 409: 'The store is not active.' },
    handle: async ({ store, body, cause }, deps) => {
      const run = await startSync(deps.propagation, store, body, cause);
      return accepted(await showSync(deps, store, run), {
        location: storeHref(deps, store, 'syncs', run.id),
      });
    },
  }),

  readSync: endpoint({
    method: 'get',
    path: `${STORE}/syncs/:syncId`,
    scope: 'read',
    summary: 'Show how far a sync is, and what it did',
    answers: { 200: SyncRun },
    handle: async ({ store, params: { syncId } }, deps) => {
      const run = await getSyncRun(deps.db, store.id, syncId);
      if (!run) throw notFound('sync run', syncId);
      return ok(await showSync(deps, store, run));
    },
  }),
};
