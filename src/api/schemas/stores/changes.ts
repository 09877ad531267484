/** Planned changes in previews, held losses and sync runs. */

import { z } from 'zod';
import { listOf } from '../../lists.ts';
import { Link, named, Time } from '../common.ts';
import { Cause, Subject } from '../subject.ts';
import { idText } from '../texts.ts';

const Op = z.enum(['create', 'adopt', 'update', 'enable', 'disable', 'delete', 'grant', 'revoke']);

export const AttributeChanges = z.array(
  z.object({ name: z.string(), from: z.string().nullable(), to: z.string() }),
);

const CHANGE = {
  id: z.string(),
  op: Op,
  subject: Subject,
  remoteId: z.string().optional(),
  remoteName: z.string().optional().describe('Of a group that would match: its name, or its full path.'),
  attributes: AttributeChanges.optional(),
  member: z.object({ id: z.string(), display: z.string() }).optional(),
  held: z.boolean(),
  cause: Cause.optional().describe('Why it waits, where its size is not the reason.'),
  privileged: z.literal(true).optional().describe('The account can do more there than people usually can.'),
  revives: z
    .literal(true)
    .optional()
    .describe('The account is disabled there, and its person gets it back with all that hangs on it.'),
  drift: z.literal(true).optional().describe('It undoes what somebody changed by hand.'),
};

export const Change = named('Change', z.object(CHANGE));

export const RefusedChange = named('RefusedChange', z.object({ ...CHANGE, reason: z.string() }));

const SkippedChange = named('SkippedChange', z.object({ op: Op, subject: Subject, reason: z.string() }));

const Orphan = named(
  'Orphan',
  z.object({
    remoteId: z.string(),
    display: z.string(),
    identifier: z.string().nullable(),
    state: z.enum(['enabled', 'disabled', 'locked', 'invited']),
    nearMatches: z.array(z.object({ userId: z.string(), display: z.string(), because: z.string() })),
  }),
);

const COUNTS = {
  create: z.int(),
  adopt: z.int(),
  update: z.int(),
  enable: z.int(),
  disable: z.int(),
  delete: z.int(),
  grant: z.int(),
  revoke: z.int(),
  skipped: z.int(),
  held: z.int(),
};

/** Totals, followed by the same numbers one by one. */
export const SUMMARY = {
  ...COUNTS,
  people: z.object(COUNTS),
  groups: z.object(COUNTS).describe('Memberships are changes of their group.'),
};

export const ChangeSummary = named('ChangeSummary', z.object(SUMMARY));

export const Preview = named(
  'Preview',
  z.object({
    id: z.string(),
    storeId: z.string(),
    state: z.enum(['RUNNING', 'DONE', 'FAILED']),
    createdAt: Time,
    expiresAt: Time,
    losing: z.int().describe('People who lose something.'),
    changedSince: z.int().describe('People and groups that have moved since it was made.'),
    summary: ChangeSummary,
    error: z.string().optional(),
    changes: z.array(Change).describe('The first of them; all are in its pages.'),
    skipped: z.array(SkippedChange),
    orphans: z.array(Orphan),
    _links: z.object({ self: Link, changes: Link, skipped: Link, orphans: Link }),
  }),
);

export const ApplyPreview = named(
  'ApplyPreview',
  z.strictObject({
    includeHeld: z.boolean().default(false).describe('Also what the brake holds in the preview.'),
  }),
);

export const ChangeList = named('ChangeList', listOf('changes', Change));
export const SkippedChangeList = named('SkippedChangeList', listOf('skipped', SkippedChange));
export const OrphanList = named('OrphanList', listOf('orphans', Orphan));

export const Held = named(
  'Held',
  z.object({
    id: z.string(),
    subject: Subject,
    personState: z.enum(['active', 'inactive', 'deleted']).optional(),
    changes: z.array(Change),
    cause: Cause.nullable(),
    reason: z.string(),
    since: Time,
  }),
);

export const HeldList = named('HeldList', listOf('held', Held));

const IDS_MAX = 10_000;

export const Decision = named(
  'Decision',
  z
    .strictObject({
      ids: z
        .array(idText)
        .min(1, 'must not be empty')
        .max(IDS_MAX, `must have at most ${IDS_MAX} entries`)
        .optional(),
      all: z.literal(true).optional().describe('All that are held at this moment.'),
    })
    // An empty body approves nothing.
    .refine(({ ids, all }) => (ids === undefined) !== (all === undefined), {
      error: 'must have either ids, or all: true',
    }),
);

export const Approved = named('Approved', z.object({ approved: z.int(), ids: z.array(z.string()) }));
export const Discarded = named('Discarded', z.object({ discarded: z.int(), ids: z.array(z.string()) }));
