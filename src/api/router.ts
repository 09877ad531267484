/**
 * Mounts the routes of the admin API below `/v1`. All but those without a scope want a token or a session before
 * anything else; what no route takes is 404, a method that a path does not have 405 with `Allow`.
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
  const authenticate = createAdminAuthenticator({ ...deps, ...deps.access });
  for (const [path, here] of Map.groupBy(routes, (route) => route.path)) {
    mount(router, deps, { path, here, authenticate });
  }
  router.use(authenticate, unknownRoute);
  router.use(problemHandler(deps.log, deps.clock));
  return router;
}

interface Path {
  readonly path: string;
  readonly here: readonly Endpoint[];
  readonly authenticate: RequestHandler;
}

/** GET answers HEAD too. */
function mount(router: Router, deps: ApiDeps, { path, here, authenticate }: Path): void {
  const at = router.route(path);
  for (const route of here) {
    const guards = route.scope === null ? [] : [authenticate];
    at[route.method](...guards, authorize(route), requireJson, readJson, serve(route, deps));
  }
  if (here.some(({ scope }) => scope !== null)) at.all(authenticate);
  const methods = here.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  const allow = methods.join(', ');
  at.all((req) => {
    throw new HttpError(405, `${req.method} is not possible here; ${allow} are.`, { Allow: allow });
  });
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
