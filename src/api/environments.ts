/** `/v1/environments`: the tenants. One that has people goes with them, step by step. */

import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { auditedEnvironment } from '../control/audited.ts';
import { deleteEnvironment } from '../control/endings/environmentDeletion.ts';
import { appendEvent } from '../db/events.ts';
import {
  countEnvironments,
  type EnvironmentRecord,
  getEnvironment,
  insertEnvironment,
  listEnvironments,
  lockEnvironment,
  renameEnvironment,
} from '../db/identity/environments.ts';
import { isUniqueViolation } from '../db/open.ts';
import { RequestError } from '../model/errors.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { nameText, parseBody, READ_ONLY } from './body.ts';
import { type AdminDeps, adminOf, href, idParam, notFound, requireUnbound } from './context.ts';
import { readDeletionOptions, showDeletion } from './deletion.ts';
import { keyOfRecord, knownQuery, readPageOfRecords, sendPage } from './page.ts';
import { route } from './problem.ts';

const Body = z.strictObject({ name: nameText });
const Replacement = z.strictObject({ name: nameText, ...READ_ONLY, status: z.unknown().optional() });

export function environments(deps: AdminDeps): Router {
  const router = Router();
  route(router, '/', {
    get: (req, res) => list(deps, req, res),
    post: (req, res) => create(deps, req, res),
  });
  route(router, '/:id', {
    get: async (req, res) => {
      const id = visibleId(req, res);
      const environment = await getEnvironment(deps.db, id);
      if (!environment) throw notFound('environment', id);
      res.json(show(deps, environment));
    },
    put: (req, res) => rename(deps, req, res),
    delete: (req, res) => remove(deps, req, res),
  });
  return router;
}

/** Another tenant's environment does not exist for a bound token. */
function visibleId(req: Request, res: Response): string {
  const id = idParam(req);
  const { environmentId } = adminOf(res);
  if (environmentId !== null && environmentId !== id) throw notFound('environment', id);
  return id;
}

async function list(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  knownQuery(req, []);
  const page = readPageOfRecords(req);
  const only = adminOf(res).environmentId;
  const rows = await listEnvironments(deps.db, page.limit + 1, page.after, only);
  const count = await countEnvironments(deps.db, only);
  sendPage(deps, req, res, page, {
    name: 'environments',
    rows,
    count,
    keyOf: keyOfRecord,
    toJson: (environment) => show(deps, environment),
  });
}

async function create(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  requireUnbound(res, 'environments');
  const { name } = parseBody(Body, req);
  const at = isoTime(deps.clock.now());
  const made = { id: newId(), name, createdAt: at, updatedAt: at };
  const environment: EnvironmentRecord = { ...made, deletion: null, deletedAt: null };
  await refuseTakenName(name, () =>
    deps.db.transaction(async (tx) => {
      await insertEnvironment(tx, environment);
      await appendEvent(tx, at, {
        environmentId: environment.id,
        cause: adminOf(res).cause,
        kind: 'environment.created',
        outcome: 'success',
        after: auditedEnvironment(environment),
      });
    }),
  );
  res
    .status(201)
    .location(href(deps, 'environments', environment.id))
    .json(show(deps, environment));
}

async function rename(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const id = visibleId(req, res);
  const { name } = parseBody(Replacement, req);
  const at = isoTime(deps.clock.now());
  const renamed = await refuseTakenName(name, () =>
    deps.db.transaction(async (tx) => {
      const before = await lockEnvironment(tx, id);
      if (!before) throw notFound('environment', id);
      const after = { ...before, name, updatedAt: at };
      await renameEnvironment(tx, id, name, at);
      await appendEvent(tx, at, {
        environmentId: id,
        cause: adminOf(res).cause,
        kind: 'environment.updated',
        outcome: 'success',
        before: auditedEnvironment(before),
        after: auditedEnvironment(after),
      });
      return after;
    }),
  );
  res.json(show(deps, renamed));
}

async function remove(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  requireUnbound(res, 'environments');
  const id = idParam(req);
  const done = await deleteEnvironment(deps.propagation, id, readDeletionOptions(req), adminOf(res).cause);
  const environment = done ? null : await getEnvironment(deps.db, id);
  if (environment) res.status(202).json(show(deps, environment));
  else res.status(204).end();
}

async function refuseTakenName<T>(name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const detail = 'name is taken; choose another';
    throw new RequestError(409, `There is an environment ${name} already.`, [{ pointer: '/name', detail }]);
  }
}

function show(deps: AdminDeps, environment: EnvironmentRecord) {
  const below = (...path: string[]) => ({ href: href(deps, 'environments', environment.id, ...path) });
  return {
    id: environment.id,
    name: environment.name,
    ...showDeletion(environment),
    createdAt: environment.createdAt,
    updatedAt: environment.updatedAt,
    _links: {
      self: below(),
      connections: below('connections'),
      users: below('users'),
      groups: below('groups'),
      stores: below('propagation', 'stores'),
      events: below('events'),
    },
  };
}
