/** `…/propagation/tasks`: the queue as operators see it, with retry and discard. */

import { type Request, Router } from 'express';
import { z } from 'zod';
import { discardTask, retryNow } from '../control/tasks.ts';
import { countUpTo } from '../db/paging.ts';
import {
  getTask,
  listTasks,
  TASK_STATES,
  type TaskRecord,
  type TaskState,
  tasksOf,
} from '../db/queue/tasks.ts';
import { parseBody } from './body.ts';
import { type AdminDeps, adminOf, environmentOf, href, idParam, notFound } from './context.ts';
import { keyOfRecord, knownQuery, queryMistake, queryText, readPageOfRecords, sendPage } from './page.ts';
import { route } from './problem.ts';

const Nothing = z.strictObject({});

export function tasks(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/', {
    get: async (req, res) => {
      knownQuery(req, ['storeId', 'state']);
      const page = readPageOfRecords(req);
      const { id } = environmentOf(res);
      const filter = { storeId: queryText(req, 'storeId'), state: readState(req) };
      sendPage(deps, req, res, page, {
        name: 'tasks',
        rows: await listTasks(deps.db, id, filter, page.limit + 1, page.after),
        count: await countUpTo(deps.db, tasksOf(deps.db, id, filter)),
        keyOf: keyOfRecord,
        toJson: (task) => show(deps, task),
      });
    },
  });
  route(router, '/:id', {
    get: async (req, res) => {
      const id = idParam(req);
      const task = await getTask(deps.db, environmentOf(res).id, id);
      if (!task) throw notFound('task', id);
      res.json(show(deps, task));
    },
  });
  route(router, '/:id/retry', {
    post: async (req, res) => {
      parseBody(Nothing, req);
      const { id } = environmentOf(res);
      const task = await retryNow(deps.propagation, id, idParam(req), adminOf(res).cause);
      res.status(202).json(show(deps, task));
    },
  });
  route(router, '/:id/discard', {
    post: async (req, res) => {
      parseBody(Nothing, req);
      await discardTask(deps.propagation, environmentOf(res).id, idParam(req), adminOf(res).cause);
      res.status(204).end();
    },
  });
  return router;
}

function readState(req: Request): TaskState | null {
  const asked = queryText(req, 'state');
  if (asked === null) return null;
  const state = TASK_STATES.find((known) => known === asked);
  if (state) return state;
  throw queryMistake('state', `must be one of ${TASK_STATES.join(', ')}`);
}

function show(deps: AdminDeps, task: TaskRecord) {
  const { id, storeId, subject, state, priority, attempts, runAt, failedAt, error, createdAt, updatedAt } =
    task;
  const self = href(deps, 'environments', task.environmentId, 'propagation', 'tasks', id);
  return {
    id,
    storeId,
    subject,
    state,
    priority,
    attempts,
    runAt,
    failedAt,
    error,
    createdAt,
    updatedAt,
    _links: { self: { href: self }, retry: { href: `${self}/retry` }, discard: { href: `${self}/discard` } },
  };
}
