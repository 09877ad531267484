/** `…/users/{id}/syncStatus` and `…/users/{id}/sync`: one person on every store. */

import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { findUserOfEnvironment, type UserRecord } from '../db/users.ts';
import { personStatuses } from '../propagation/storeStatus.ts';
import { syncPerson } from '../propagation/tasks.ts';
import { parseBody } from './body.ts';
import { type AdminDeps, adminOf, environmentOf, href, idParam, notFound } from './context.ts';
import { route } from './problem.ts';

const Nothing = z.strictObject({});

export function userStatus(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/:id/syncStatus', {
    get: async (req, res) => {
      res.json(await show(deps, await userOf(deps, req, res)));
    },
  });
  route(router, '/:id/sync', {
    post: async (req, res) => {
      parseBody(Nothing, req);
      const user = await userOf(deps, req, res);
      const subject = { kind: 'user', id: user.personId, display: user.userName } as const;
      await syncPerson(deps.propagation, user.environmentId, subject, adminOf(res).cause);
      res.status(202).json(await show(deps, user));
    },
  });
  return router;
}

async function userOf(deps: AdminDeps, req: Request, res: Response): Promise<UserRecord> {
  const id = idParam(req);
  const user = await findUserOfEnvironment(deps.db, environmentOf(res).id, id);
  if (!user) throw notFound('user', id);
  return user;
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
