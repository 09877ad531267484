/**
 * Mounts the routes of the admin API below `/v1`. Routes with a scope check the token or session before anything
 * else. A path without a route answers 404, a method that the path does not have 405 with `Allow`.
 */

import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  Router,
} from 'express';
import { isOneTooMany, TOO_MANY } from '../auth/addressLimit.ts';
import { createAdminAuthenticator } from '../auth/admin.ts';
import { limitUnknownCallers } from '../auth/unknownCallers.ts';
import { sendProblem } from '../support/problem.ts';
import type { ApiDeps } from './deps.ts';
import type { Endpoint } from './endpoint.ts';
import { withDocument } from './openapi.ts';
import { HttpError, problemHandler, unknownRoute } from './problem.ts';
import { ROUTES } from './routes/index.ts';
import { authorize, serve } from './serve.ts';

const BODY_MAX = '1mb';
/** Such a body holds a token or a code. */
const BODY_OF_UNKNOWN_MAX = '16kb';
const JSON_TYPES = ['application/json', 'application/*+json'];

/** Mount it at `/v1`, before any body parser. */
export function createApiRouter(deps: ApiDeps): Router {
  const router = Router();
  const routes = Object.values(withDocument(ROUTES)).flatMap((table) => Object.values(table));
  const paths = [...Map.groupBy(routes, (route) => route.path)];
  for (const [path, here] of paths) mountOpen(router, deps, path, here);
  router.use(createAdminAuthenticator({ ...deps, ...deps.access }));
  for (const [path, here] of paths) mount(router, deps, path, here);
  router.use(unknownRoute);
  router.use(limitRefusals(deps));
  router.use(problemHandler(deps.log, deps.clock));
  return router;
}

/**
 * Mounts routes that take no token in the header. Where the body has one, the handler's answer tells whether it is
 * known.
 */
function mountOpen(router: Router, deps: ApiDeps, path: string, here: readonly Endpoint[]): void {
  const limit = limitUnknownCallers({ ...deps, ...deps.access }, tooMany);
  const read = readJson(BODY_OF_UNKNOWN_MAX);
  for (const route of here.filter(({ scope }) => scope === null)) {
    const guards = route.body ? [] : [limit];
    router.route(path)[route.method](...guards, requireJson, read, serve(route, deps));
  }
  if (here.every(({ scope }) => scope === null)) router.route(path).all(limit, notAllowed(here));
}

function mount(router: Router, deps: ApiDeps, path: string, here: readonly Endpoint[]): void {
  const at = router.route(path);
  const read = readJson(BODY_MAX);
  for (const route of here.filter(({ scope }) => scope !== null)) {
    at[route.method](authorize(route), requireJson, read, serve(route, deps));
  }
  at.all(notAllowed(here));
}

/** A route with GET answers HEAD too. */
function notAllowed(here: readonly Endpoint[]): RequestHandler {
  const methods = here.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  const allow = methods.join(', ');
  return (req) => {
    throw new HttpError(405, `${req.method} is not possible here; ${allow} are.`, { Allow: allow });
  };
}

const requireJson: RequestHandler = (req, _res, next) => {
  const hasBody =
    req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (hasBody && !req.is(JSON_TYPES)) {
    throw new HttpError(415, 'The body must be JSON: send the header Content-Type: application/json.');
  }
  next();
};

function readJson(limit: string): RequestHandler {
  return express.json({ limit, type: JSON_TYPES });
}

/** Counts every refusal of an unknown caller, whatever its reason, unless the request was counted already. */
function limitRefusals({ access }: ApiDeps): ErrorRequestHandler {
  return async (error: unknown, req, res, next) => {
    const isAllowed = res.locals.admin !== undefined || res.locals.hasPassedLimit === true;
    if (isAllowed || !(await isOneTooMany(access.addressLimit, req, res))) return next(error);
    tooMany(req, res, TOO_MANY);
  };
}

function tooMany(_req: Request, res: Response, detail: string): void {
  sendProblem(res, { status: 429, detail });
}
