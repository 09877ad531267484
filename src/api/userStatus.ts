/** `…/users/{id}/syncStatus` and `…/users/{id}/sync`: one person on every store. */

import { Router } from 'express';
import { z } from 'zod';
import { personStatuses } from '../control/status/store.ts';
import { syncPerson } from '../control/tasks.ts';
import type { UserRecord } from '../db/identity/users.ts';
import { parseBody } from './body.ts';
import { type AdminDeps, adminOf, href } from './context.ts';
import { someoneOf } from './directory.ts';
import { route } from './problem.ts';

const Nothing = z.strictObject({});

export function userStatus(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/:id/syncStatus', {
    get: async (req, res) => {
      res.json(await show(deps, await someoneOf(deps, req, res)));
    },
  });
  route(router, '/:id/sync', {
    post: async (req, res) => {
      parseBody(Nothing, req);
      const user = await someoneOf(deps, req, res);
      const subject = { kind: 'user', id: user.personId, display: user.userName } as const;
      await syncPerson(deps.propagation, user.environmentId, subject, adminOf(res).cause);
      res.status(202).json(await show(deps, user));
    },
  });
  return router;
}

async function show(deps: AdminDeps, user: UserRecord) {
  const stores = await personStatuses(deps.db, user.environmentId, user.personId);
  const self = href(deps, 'environments', user.environmentId, 'users', user.id, 'syncStatus');
  return {
    _embedded: { stores },
    count: stores.length,
    size: stores.length,
    _links: { self: { href: self } },
  };
}
