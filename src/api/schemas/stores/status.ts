/** The state of a store in numbers and words. */

import { z } from 'zod';
import { Link, named, Time } from '../common.ts';
import { Subject } from '../subject.ts';
import { Detail } from './store.ts';

const OpenLeaver = named(
  'OpenLeaver',
  z.object({
    subject: Subject,
    correlationId: z.string().nullable(),
    since: Time,
    overdueAt: Time.optional(),
    reason: z.string(),
    verifying: z.boolean(),
    task: z.enum(['pending', 'parked', 'held']).nullable(),
  }),
);

export const StoreSyncStatus = named(
  'StoreSyncStatus',
  z.object({
    store: z.object({ id: z.string(), name: z.string(), type: z.string() }),
    syncState: z
      .enum(['INACTIVE', 'PAUSED', 'BRAKED', 'SYNCING', 'FAILED', 'SYNCED'])
      .describe('The first that holds.'),
    lastSyncAt: Time.nullable(),
    userTotal: z.int(),
    successCount: z.int(),
    unsyncedCount: z.int(),
    partiallySyncedCount: z.int(),
    failedCount: z.int(),
    heldCount: z.int(),
    pendingCount: z.int(),
    openLeavers: z.array(OpenLeaver),
    details: z.array(Detail),
    _links: z.object({ self: Link, held: Link }),
  }),
);
