/** The further settings of a pulled connection. */

import { z } from 'zod';
import { isPulledStrategy } from '../../../model/pull/pull.ts';
import { Time } from '../common.ts';
import { SourceMapping } from './metadata.ts';

const MINUTES_MAX = 60 * 24 * 30;
const ENTRIES_MAX = 10_000;
const text = z.string().trim().min(1, 'must not be empty').max(1024, 'must have at most 1024 characters');
const minutes = z.int().min(1, 'must be at least 1').max(MINUTES_MAX, `must be at most ${MINUTES_MAX}`);

const sync = z.strictObject({
  enabled: z.boolean().default(true).describe('False stops the schedule alone.'),
  intervalMinutes: minutes.default(15),
  fullIntervalMinutes: minutes.default(1440),
});

const groups = z.strictObject({
  mode: z.enum(['All', 'Off', 'Selected']).default('All'),
  selected: z
    .array(z.strictObject({ id: text }))
    .max(ENTRIES_MAX)
    .default([])
    .describe('By the ids of the source, which `groups` of the connection lists.'),
});

const manager = z.strictObject({
  enabled: z.boolean().default(true),
  childKey: text.nullable().default(null).describe('Whose value of it equals …'),
  parentKey: text
    .nullable()
    .default(null)
    .describe('… the value of this of another has that one as manager.'),
});

const mapped = z.strictObject({
  target: text,
  sources: z.array(text).min(1, 'must have at least one entry'),
});
const mapping = z.array(mapped).min(1, 'must have at least one entry').max(ENTRIES_MAX);

const tag = z
  .strictObject({ original: text.optional(), externalId: text.optional(), translation: text })
  .refine(({ original, externalId }) => (original === undefined) !== (externalId === undefined), {
    error: 'must have one of original and externalId',
  });

const configuration = z
  .record(z.string(), z.unknown())
  .describe('As connectionMetadata says; secrets come back masked.');
const domains = z.array(text).max(ENTRIES_MAX);
const tags = z.array(tag).max(ENTRIES_MAX);

export const PULL_SETTINGS = {
  enrich: z
    .boolean()
    .optional()
    .describe(
      'It brings nobody, and adds identities to people whom another connection brings. Decided when it is made; always so for slack, gitlabSelf and gitlabSaas.',
    ),
  configuration: configuration.optional(),
  sync: sync.optional(),
  groups: groups.optional(),
  manager: manager.optional(),
  mapping: mapping.nullish().describe("Replaces the strategy's default as a whole."),
  tags: tags.optional().describe('Names of groups at the door.'),
  domains: domains.optional().describe('Whose addresses are in other domains is left out; empty: nobody is.'),
};

const loose = z.record(z.string(), z.unknown()).nullish();

export const PULL_PATCH = {
  enrich: z.boolean().optional(),
  configuration: loose,
  sync: loose,
  groups: loose,
  manager: loose,
  mapping: mapping.nullish(),
  tags: tags.nullish(),
  domains: domains.nullish(),
};

export const PULL_READ_ONLY = {
  lastSync: z.unknown().optional(),
  lastSuccessAt: z.unknown().optional(),
  lastFullAt: z.unknown().optional(),
  nextRunAt: z.unknown().optional(),
  attributesSeen: z.unknown().optional(),
  domain: z.unknown().optional(),
  accountId: z.unknown().optional(),
  paused: z.unknown().optional(),
};

export const PULL_SHOWN = {
  enrich: z.boolean().optional(),
  configuration: configuration.optional(),
  sync: sync.optional(),
  groups: groups.optional(),
  manager: manager.optional(),
  mapping: z.array(SourceMapping).optional(),
  tags: tags.optional(),
  domains: domains.optional(),
  accountId: z.string().nullable().optional().describe('What it is pinned to.'),
  domain: z.string().nullable().optional().describe('The name of that.'),
  paused: z.object({ code: z.string(), message: z.string() }).nullable().optional(),
  lastSync: z
    .object({ at: Time, status: z.string(), error: z.string().nullable(), runId: z.string() })
    .nullable()
    .optional(),
  lastSuccessAt: Time.nullable().optional(),
  lastFullAt: Time.nullable().optional(),
  nextRunAt: Time.nullable().optional(),
  attributesSeen: z.array(z.string()).optional(),
};

/** Refuses these settings for a connection that pushes: they would mean nothing there. */
export function refusePullSettings(
  body: Readonly<Record<string, unknown>>,
  context: { addIssue(issue: { code: 'custom'; path: string[]; message: string; input: unknown }): void },
): void {
  if (isPulledStrategy(body.strategy)) return;
  for (const name of Object.keys(PULL_SETTINGS)) {
    if (body[name] === undefined || body[name] === null) continue;
    const message = 'is only for connections that are pulled';
    context.addIssue({ code: 'custom', path: [name], message, input: body[name] });
  }
}
