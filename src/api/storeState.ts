/** `…/stores/{id}/pause`, `/resume` and `/syncStatus`. */

import { Router } from 'express';
import { z } from 'zod';
import { pauseByAdmin, resumeByAdmin } from '../control/pause.ts';
import { storeSyncStatus } from '../control/storeStatus.ts';
import { parseBody } from './body.ts';
import { type AdminDeps, adminOf, storeHref, storeOf } from './context.ts';
import { route } from './problem.ts';
import { showStore } from './stores.ts';

const Nothing = z.strictObject({});

export function storeState(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/:id/pause', {
    post: async (req, res) => {
      parseBody(Nothing, req);
      const { id } = await storeOf(deps, req, res);
      res.json(showStore(deps, await pauseByAdmin(deps.propagation, id, adminOf(res).cause)));
    },
  });
  route(router, '/:id/resume', {
    post: async (req, res) => {
      parseBody(Nothing, req);
      const store = await storeOf(deps, req, res);
      res.json(showStore(deps, await resumeByAdmin(deps.propagation, store, adminOf(res).cause)));
    },
  });
  route(router, '/:id/syncStatus', {
    get: async (req, res) => {
      const store = await storeOf(deps, req, res);
      const { id, name, type } = store;
      res.json({
        store: { id, name, type },
        ...(await storeSyncStatus(deps.db, store)),
        _links: {
          self: { href: storeHref(deps, store, 'syncStatus') },
          held: { href: storeHref(deps, store, 'held') },
        },
      });
    },
  });
  return router;
}
