/** A pulled connection in the form of Auth0's directory provisioning. */

import { z } from 'zod';
import { listOf } from '../../lists.ts';
import { Link, named, Time } from '../common.ts';
import { SourceMapping } from './metadata.ts';
import { PullRunShown } from './runs.ts';

export const DirectoryProvisioning = named(
  'DirectoryProvisioning',
  z.object({
    connectionId: z.string(),
    connectionName: z.string(),
    strategy: z.string(),
    mapping: z.array(SourceMapping),
    synchronizeAutomatically: z.boolean(),
    synchronizeGroups: z.enum(['all', 'off', 'selected']),
    createdAt: Time,
    updatedAt: Time,
    lastSynchronizationAt: Time.nullable(),
    lastSynchronizationStatus: z.string().nullable(),
    lastSynchronizationError: z.string().nullable(),
    _links: z.object({ self: Link, connection: Link }),
  }),
);

export const SynchronizedGroups = named(
  'SynchronizedGroups',
  listOf(
    'groups',
    z.object({
      id: z.string().describe('The id at the source.'),
      name: z.string().describe('As the directory calls it.'),
      membersCount: z.int().describe('Through groups inside it too.'),
    }),
  ),
);

export const Synchronization = named(
  'Synchronization',
  PullRunShown.extend({ synchronizationId: z.string(), status: z.string() }),
);
