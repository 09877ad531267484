/**
 * Mounts the routes of the admin API below `/v1`. Those without a scope come before authentication, all others
 * after it; what no route takes is 404, a method that a path does not have 405 with `Allow`.
 */

import express, { type RequestHandler, Router } from 'express';
import { createAdminAuthenticator } from '../auth/admin.ts';
import type { ApiDeps } from './deps.ts';
import type { Endpoint } from './endpoint.ts';
import { withDocument } from './openapi.ts';
import { HttpError, problemHandler, unknownRoute } from './problem.ts';
import { ROUTES } from './routes/index.ts';
import { authorize, serve } from './serve.ts';

const BODY_MAX = '1mb';
const JSON_TYPES = ['application/json', 'application/*+json'];

/** Mount it at `/v1`, before any body parser. */
export function createApiRouter(deps: ApiDeps): Router {
  const router = Router();
  const routes = Object.values(withDocument(ROUTES)).flatMap((table) => Object.values(table));
  const [open, guarded] = [routes.filter(isOpen), routes.filter((route) => !isOpen(route))];
  mount(router, deps, open);
  router.use(createAdminAuthenticator({ ...deps, ...deps.access }));
  mount(router, deps, guarded);
  router.use(unknownRoute);
  router.use(problemHandler(deps.log, deps.clock));
  return router;
}

function isOpen({ scope }: Endpoint): boolean {
  return scope === null;
}

/** GET answers HEAD too. */
function mount(router: Router, deps: ApiDeps, routes: readonly Endpoint[]): void {
  for (const [path, here] of Map.groupBy(routes, (route) => route.path)) {
    const at = router.route(path);
    for (const route of here) at[route.method](authorize(route), requireJson, readJson, serve(route, deps));
    const methods = here.flatMap(({ method }) =>
      method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
    );
    const allow = methods.join(', ');
    at.all((req) => {
      throw new HttpError(405, `${req.method} is not possible here; ${allow} are.`, { Allow: allow });
    });
  }
}

const requireJson: RequestHandler = (req, _res, next) => {
  const hasBody =
    req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (hasBody && !req.is(JSON_TYPES)) {
    throw new HttpError(415, 'The body must be JSON: send the header Content-Type: application/json.');
  }
  next();
};

const readJson = express.json({ limit: BODY_MAX, type: JSON_TYPES });
