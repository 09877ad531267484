/** Runs over pulled directories in requests and answers. */

import { z } from 'zod';
import { DOUBTS } from '../../../model/pull/identity.ts';
import { listOf } from '../../lists.ts';
import { Link, named, Time } from '../common.ts';

const DAY_MAX = 10_000;

export const PullRequest = named(
  'PullRequest',
  z.strictObject({
    full: z
      .boolean()
      .default(false)
      .describe('Reads everything, also where the source can tell what changed.'),
    preview: z.boolean().default(false).describe('Shows what would change, and changes nothing.'),
    day: z
      .int('must be a whole number from 1')
      .min(1, 'must be a whole number from 1')
      .max(DAY_MAX, `must be at most ${DAY_MAX}`)
      .optional()
      .describe('Of the demo directory alone: the day at which it stands.'),
  }),
);

const counts = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, z.int()]));

export const PullRunShown = named(
  'PullRun',
  z.object({
    id: z.string(),
    connectionId: z.string(),
    state: z.enum(['QUEUED', 'RUNNING', 'DONE', 'PARTIAL', 'HELD', 'FAILED']),
    mode: z.enum(['full', 'delta', 'preview']),
    day: z.int().optional(),
    progress: z.object({ read: z.int(), total: z.int().optional() }),
    summary: z.object({
      ...counts(['created', 'updated', 'deactivated', 'reactivated', 'deleted', 'unchanged']),
      ...counts(['filtered', 'skipped', 'unknown']),
      groups: z.object(counts(['created', 'updated', 'deleted', 'joined', 'left'])),
    }),
    error: z.string().optional(),
    incident: z.object({ id: z.string() }).optional(),
    createdAt: Time,
    startedAt: Time.optional(),
    finishedAt: Time.optional(),
    _links: z.object({ self: Link, changes: Link }),
  }),
);

export const PullRunList = named('PullRunList', listOf('syncs', PullRunShown));

export const PullPreviewed = named(
  'PullPreviewed',
  z.object({ preview: z.string().describe('The run that shows what would change; nothing is saved.') }),
);

export const PullChanges = named(
  'PullChanges',
  listOf(
    'changes',
    z.object({
      id: z.string(),
      op: z.enum(['create', 'update', 'match', 'deactivate', 'reactivate', 'remove', 'join', 'leave']),
      subject: z.object({ kind: z.enum(['user', 'group']), id: z.string(), display: z.string() }),
      remoteId: z.string().describe('The id at the source.'),
      attributes: z.array(z.object({ name: z.string(), from: z.unknown(), to: z.unknown() })).optional(),
      member: z
        .object({ id: z.string(), display: z.string() })
        .optional()
        .describe('The group of a membership.'),
      held: z.boolean(),
      state: z.enum(['planned', 'held', 'approved', 'discarded', 'done', 'refused']),
      reason: z.string().optional(),
    }),
  ),
);

export const DefaultMapping = named(
  'DefaultMapping',
  z.object({ mapping: z.array(z.object({ target: z.string(), sources: z.array(z.string()) })) }),
);

export const SourceChecked = named(
  'SourceChecked',
  z.object({
    status: z.enum(['OK', 'FAILED']),
    details: z.array(z.object({ code: z.string(), message: z.string() })),
  }),
);

export const UnmatchedList = named(
  'UnmatchedList',
  listOf(
    'unmatched',
    z.object({
      id: z.string().describe('The id at the vendor.'),
      name: z.string(),
      email: z.string().optional(),
      state: z.enum(['active', 'inactive']),
      why: z
        .enum(DOUBTS)
        .describe(
          '`ambiguous`: it could be several people; `unconfirmed`: nobody confirmed its address there.',
        ),
      near: z.array(z.object({ id: z.string(), display: z.string() })).describe('People whose it may be.'),
    }),
  ),
);
