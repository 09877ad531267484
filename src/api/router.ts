/**
 * The admin API under `/v1`: authentication first, then the body, then the environment, then the
 * resource. Each resource is one file that takes its dependencies and returns a router; it is mounted here
 * by one line.
 */

import express, { type RequestHandler, Router } from 'express';
import { createAdminAuthenticator } from '../auth/admin.ts';
import { getEnvironmentEvenDeleted } from '../db/identity/environments.ts';
import { accounts } from './accounts.ts';
import { type AdminDeps, adminOf, idParam, notFound } from './context.ts';
import { groups, users } from './directory.ts';
import type { Endpoint } from './endpoint.ts';
import { events } from './events.ts';
import { held } from './held.ts';
import { links } from './links.ts';
import { mappings } from './mappings.ts';
import { withDocument } from './openapi.ts';
import { previews } from './previews.ts';
import { HttpError, problemHandler, unknownRoute } from './problem.ts';
import { ROUTES } from './routes/index.ts';
import { rules } from './rules.ts';
import { authorize, serve } from './serve.ts';
import { syncs } from './syncs.ts';
import { tasks } from './tasks.ts';
import { userStatus } from './userStatus.ts';

type Resource = readonly [path: string, create: (deps: AdminDeps) => Router];

/** Below `/v1/environments/{envId}`; `environmentOf(res)` is theirs. A longer path goes before a shorter. */
const ENVIRONMENT_RESOURCES: readonly Resource[] = [
  ['/users', users],
  ['/groups', groups],
  ['/events', events],
  ['/users', userStatus],
  ['/propagation/stores', held],
  ['/propagation/stores', links],
  ['/propagation/stores', accounts],
  ['/propagation/stores', previews],
  ['/propagation/stores', syncs],
  ['/propagation/stores', mappings],
  ['/propagation/rules', rules],
  ['/propagation/tasks', tasks],
];

const BODY_MAX = '1mb';
const JSON_TYPES = ['application/json', 'application/*+json'];

/** Mount it at `/v1`, before any body parser. */
export function createAdminRouter(deps: AdminDeps): Router {
  const router = Router();
  const routes = Object.values(withDocument(ROUTES)).flatMap((table) => Object.values(table));
  mount(
    router,
    deps,
    routes.filter(({ scope }) => scope === null),
  );
  router.use(createAdminAuthenticator(deps));
  mount(
    router,
    deps,
    routes.filter(({ scope }) => scope !== null),
  );
  router.use(...readJson);
  const inEnvironment = Router({ mergeParams: true });
  inEnvironment.use(resolveEnvironment(deps));
  for (const [path, create] of ENVIRONMENT_RESOURCES) inEnvironment.use(path, create(deps));
  router.use('/environments/:envId', inEnvironment);
  router.use(unknownRoute);
  router.use(problemHandler(deps.log));
  return router;
}

/** A method that a path does not have is answered 405 with `Allow`. GET answers HEAD too. */
function mount(router: Router, deps: AdminDeps, routes: readonly Endpoint[]): void {
  for (const [path, here] of Map.groupBy(routes, (route) => route.path)) {
    const at = router.route(path);
    for (const route of here) at[route.method](authorize(route), ...readJson, serve(route, deps));
    const allow = here.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
    at.all((req) => {
      const allowed = allow.join(', ');
      throw new HttpError(405, `${req.method} is not possible here; ${allowed} are.`, { Allow: allowed });
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

const readJson: readonly RequestHandler[] = [
  requireJson,
  express.json({ limit: BODY_MAX, type: JSON_TYPES }),
];

/** Another tenant's environment does not exist for a bound token. */
function resolveEnvironment(deps: AdminDeps): RequestHandler {
  return async (req, res, next) => {
    const id = idParam(req, 'envId');
    const { environmentId } = adminOf(res);
    const visible = environmentId === null || environmentId === id;
    const environment = visible ? await getEnvironmentEvenDeleted(deps.db, id) : null;
    // Of one that is deleted the audit log is what is left.
    const readable = environment?.deletedAt === null || req.path === '/events';
    if (!environment || !readable) throw notFound('environment', id);
    res.locals.environment = environment;
    next();
  };
}
