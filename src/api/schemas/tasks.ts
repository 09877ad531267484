/** The queue as operators see it. */

import { z } from 'zod';
import { TASK_STATES } from '../../db/queue/tasks.ts';
import { listOf } from '../lists.ts';
import { Link, named, Time } from './common.ts';
import { Subject } from './subject.ts';

export const Task = named(
  'Task',
  z.object({
    id: z.string(),
    storeId: z.string(),
    subject: Subject,
    state: z.enum(TASK_STATES),
    priority: z.int().describe('0 is a leaver.'),
    attempts: z.int(),
    runAt: Time,
    failedAt: Time.nullable(),
    error: z
      .object({ message: z.string(), status: z.int().nullable(), code: z.string().nullable() })
      .nullable(),
    createdAt: Time,
    updatedAt: Time,
    _links: z.object({ self: Link, retry: Link, discard: Link }),
  }),
);

export const TaskList = named('TaskList', listOf('tasks', Task));
