/** A sync of a whole store in requests and answers. */

import { z } from 'zod';
import { Link, named, Time } from '../common.ts';
import { Subject } from '../subject.ts';
import { RefusedChange, SUMMARY } from './changes.ts';

export const NewSync = named(
  'NewSync',
  z.strictObject({ repair: z.boolean().default(true).describe('false only reports what differs.') }),
);

const DriftItem = named(
  'DriftItem',
  z.object({
    kind: z.enum([
      'attribute',
      'disabledThere',
      'enabledThere',
      'lockedThere',
      'vanished',
      'duplicateIdentifier',
      'membershipMissing',
      'membershipLowered',
      'membershipForeign',
    ]),
    subject: Subject,
    remoteId: z.string(),
    attribute: z.string().optional(),
    expected: z.string().optional(),
    found: z.string().optional(),
    member: z.object({ id: z.string(), display: z.string(), personId: z.string().optional() }).optional(),
  }),
);

export const SyncRun = named(
  'SyncRun',
  z.object({
    id: z.string(),
    storeId: z.string(),
    state: z.enum(['QUEUED', 'RUNNING', 'DONE', 'FAILED']),
    cause: z.enum(['request', 'periodic', 'activation', 'settings', 'deletion', 'apply']),
    repair: z.boolean(),
    correlationId: z.string(),
    createdAt: Time,
    startedAt: Time.nullable(),
    finishedAt: Time.nullable(),
    progress: z.object({ scanned: z.int(), total: z.int().nullable() }),
    summary: z
      .object({
        ...SUMMARY,
        calls: z.int().optional().describe('Of the scan, and of what it brought about.'),
        drift: z.int().optional(),
        refused: z.int().optional(),
      })
      .describe('What was done, by operation.'),
    drift: z.array(DriftItem),
    previewId: z.string().nullable().optional(),
    refused: z.array(RefusedChange).optional().describe('Of an applied preview: what was not done, and why.'),
    error: z.string().optional(),
    _links: z.object({ self: Link }),
  }),
);
