/** `…/propagation/tasks`: the queue as operators see it, to retry or discard tasks. */

import { z } from 'zod';
import { discardTask, retryNow } from '../../control/tasks.ts';
import { displaysOf } from '../../db/identity/subjects.ts';
import { countUpTo } from '../../db/paging.ts';
import { getTask, listTasks, TASK_STATES, type TaskRecord, tasksOf } from '../../db/queue/tasks.ts';
import type { ApiDeps } from '../deps.ts';
import { accepted, endpoint, noContent, ok } from '../endpoint.ts';
import { href } from '../href.ts';
import { keyOfRecord, PAGE, page, readCursorOfRecords } from '../lists.ts';
import { notFound } from '../path.ts';
import { Task, TaskList } from '../schemas/tasks.ts';

const TASKS = '/environments/:envId/propagation/tasks';
const TASK = '/environments/:envId/propagation/tasks/:taskId';

export const tasks = {
  listTasks: endpoint({
    method: 'get',
    path: TASKS,
    scope: 'read',
    scans: true,
    summary: 'List the tasks of the queue',
    query: { ...PAGE, storeId: z.string().optional(), state: z.enum(TASK_STATES).optional() },
    answers: { 200: TaskList },
    handle: async (call, deps) => {
      const { environment, query } = call;
      const filter = { storeId: query.storeId ?? null, state: query.state ?? null };
      const after = readCursorOfRecords(query);
      const rows = await listTasks(deps.db, environment.id, filter, query.limit + 1, after);
      const displayOf = await displaysOf(
        deps.db,
        rows.map((task) => task.subject),
      );
      return ok(
        page(call, {
          name: 'tasks',
          rows,
          count: await countUpTo(deps.db, tasksOf(deps.db, environment.id, filter)),
          keyOf: keyOfRecord,
          show: (task) => show(deps, task, displayOf(task.subject)),
        }),
      );
    },
  }),

  readTask: endpoint({
    method: 'get',
    path: TASK,
    scope: 'read',
    summary: 'Show a task',
    answers: { 200: Task },
    handle: async ({ environment, params: { taskId } }, deps) => {
      const task = await getTask(deps.db, environment.id, taskId);
      if (!task) throw notFound('task', taskId);
      return ok(await shown(deps, task));
    },
  }),

  retryTask: endpoint({
    method: 'post',
    path: `${TASK}/retry`,
    scope: 'write',
    summary: 'Try a task at once, as if it had never failed',
    answers: { 202: Task },
    handle: async ({ environment, params: { taskId }, cause }, deps) =>
      accepted(await shown(deps, await retryNow(deps.propagation, environment.id, taskId, cause))),
  }),

  discardTask: endpoint({
    method: 'post',
    path: `${TASK}/discard`,
    scope: 'write',
    summary: 'Discard a task: the subject stays as it is on the store until something asks again',
    answers: { 204: null },
    refusals: { 409: 'It waits for a decision on what the brake holds.' },
    handle: async ({ environment, params: { taskId }, cause }, deps) => {
      await discardTask(deps.propagation, environment.id, taskId, cause);
      return noContent;
    },
  }),
};

async function shown(deps: ApiDeps, task: TaskRecord) {
  const displayOf = await displaysOf(deps.db, [task.subject]);
  return show(deps, task, displayOf(task.subject));
}

function show(deps: ApiDeps, task: TaskRecord, display: string) {
  const { id, storeId, subject, state, priority, attempts, runAt, failedAt, error } = task;
  const self = href(deps, 'environments', task.environmentId, 'propagation', 'tasks', id);
  return {
    ...{ id, storeId, subject: { ...subject, display }, state, priority, attempts, runAt, failedAt, error },
    createdAt: task.createdAt,
    updatedAt: task.updatedAt,
    _links: { self: { href: self }, retry: { href: `${self}/retry` }, discard: { href: `${self}/discard` } },
  };
}
