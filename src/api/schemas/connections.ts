/** A connection in requests and answers. */

import { z } from 'zod';
import { REUSED_IDENTIFIERS, STRATEGIES, UNKNOWN_ATTRIBUTES } from '../../db/identity/connections.ts';
import { listOf } from '../lists.ts';
import { Link, named, Reference, Time } from './common.ts';
import { DELETION } from './deletion.ts';
import {
  PULL_PATCH,
  PULL_READ_ONLY,
  PULL_SETTINGS,
  PULL_SHOWN,
  refusePullSettings,
} from './pull/settings.ts';
import { handleText, metadataObject, nameText, READ_ONLY } from './texts.ts';

const RETENTION_DAYS_MAX = 1095;

const strategy = z.enum(STRATEGIES);

const retentionDays = z
  .int()
  .min(0, 'must be at least 0')
  .max(RETENTION_DAYS_MAX, `must be at most ${RETENTION_DAYS_MAX}`)
  .nullable()
  .describe('Days after deactivation, then what the bridge knew of somebody is removed; null keeps it.');

const SILENT_AFTER_HOURS_MAX = 8_760;

const silentAfterHours = z
  .int()
  .min(1, 'must be at least 1')
  .max(SILENT_AFTER_HOURS_MAX, `must be at most ${SILENT_AFTER_HOURS_MAX}`)
  .nullable()
  .describe(
    'Hours without any request, or of a pulled connection without a run that ended well, after which an event says so; null: nobody watches for silence.',
  );

const SETTINGS = {
  name: nameText,
  handle: handleText.optional().describe('Made of the name where it is left out.'),
  strategy,
  isPrimary: z.boolean().optional().describe('Read only.'),
  unknownAttributes: z
    .enum(UNKNOWN_ATTRIBUTES)
    .default('Reject')
    .describe('What happens to a request with attributes that no schema knows.'),
  matchPeople: z
    .boolean()
    .optional()
    .describe(
      'Its users may be the same people as active users of other connections with the same primary email. True for the primary connection, false for others, where it is left out.',
    ),
  reusedIdentifiers: z
    .enum(REUSED_IDENTIFIERS)
    .default('Hold')
    .describe(
      'Who comes with the identifier of somebody who left: asked about, or taken for the same person.',
    ),
  retentionDays: retentionDays.default(null),
  metadata: metadataObject.default({}),
  silentAfterHours: silentAfterHours.default(null),
};

const SHOWN_ONLY = {
  ...READ_ONLY,
  ...PULL_READ_ONLY,
  mode: z.unknown().optional(),
  status: z.unknown().optional(),
  deletion: z.unknown().optional(),
  counts: z.unknown().optional(),
  timestamps: z.unknown().optional(),
};

export const NewConnection = named(
  'NewConnection',
  z.strictObject({ ...SETTINGS, ...PULL_SETTINGS }).superRefine(refusePullSettings),
);

export const ConnectionReplacement = named(
  'ConnectionReplacement',
  z.strictObject({ ...SETTINGS, ...PULL_SETTINGS, ...SHOWN_ONLY }).superRefine(refusePullSettings),
);

export const ConnectionPatch = named(
  'ConnectionPatch',
  z.strictObject({
    name: SETTINGS.name.optional(),
    handle: SETTINGS.handle.nullish(),
    strategy: strategy.optional(),
    isPrimary: SETTINGS.isPrimary,
    unknownAttributes: z.enum(UNKNOWN_ATTRIBUTES).nullish(),
    matchPeople: z.boolean().nullish(),
    reusedIdentifiers: z.enum(REUSED_IDENTIFIERS).nullish(),
    retentionDays: retentionDays.optional(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
    silentAfterHours: silentAfterHours.optional(),
    ...PULL_PATCH,
    ...SHOWN_ONLY,
  }),
);

const Waiting = z.object({
  store: z.object({ id: z.string(), name: z.string() }),
  pending: z.int(),
  held: z.int(),
  parked: z.int(),
});

export const Connection = named(
  'Connection',
  z.object({
    id: z.string(),
    environment: Reference,
    name: z.string(),
    handle: z.string(),
    strategy: z.enum(STRATEGIES),
    mode: z.enum(['push', 'pull']),
    isPrimary: z.boolean(),
    unknownAttributes: z.enum(UNKNOWN_ATTRIBUTES),
    matchPeople: z.boolean(),
    reusedIdentifiers: z.enum(REUSED_IDENTIFIERS),
    retentionDays: z.int().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    silentAfterHours: z.int().nullable(),
    status: z.enum(['STAGED', 'ACTIVE', 'PAUSED', 'DELETING']),
    ...PULL_SHOWN,
    deletion: z.object({ ...DELETION, waitsFor: z.array(Waiting).optional() }).optional(),
    counts: z.object({ users: z.int(), active: z.int(), groups: z.int(), attributes: z.int() }),
    timestamps: z.object({ createdAt: Time, updatedAt: Time }),
    createdAt: Time,
    updatedAt: Time,
    _links: z.object({ self: Link, scimConfiguration: Link.optional(), syncs: Link.optional() }),
  }),
);

export const ConnectionList = named('ConnectionList', listOf('connections', Connection));
