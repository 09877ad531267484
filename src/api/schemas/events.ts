/** An event of the audit log, and the filters for events. */

import { z } from 'zod';
import { EVENT_KINDS, EVENT_OUTCOMES, type EventOutcome } from '../../model/eventKinds.ts';
import { listOf } from '../lists.ts';
import { named, Time } from './common.ts';

const KINDS: ReadonlySet<string> = new Set(
  Object.keys(EVENT_KINDS).flatMap((kind) => [kind, kind.replace(/[^.]+$/, '*')]),
);
const OUTCOMES = Object.keys(EVENT_OUTCOMES) as EventOutcome[];

const time = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)), 'must be a time such as 2026-01-31T12:00:00Z')
  .optional();

export const EVENT_QUERY = {
  subjectId: z.string().optional().describe('A person, a SCIM user of a person, or a group.'),
  storeId: z.string().optional(),
  connectionId: z.string().optional().describe('What this connection did.'),
  kind: z
    .string()
    .refine((kind) => KINDS.has(kind), 'must be a kind of event, such as change.disable, or change.*')
    .optional(),
  outcome: z.enum(OUTCOMES).optional(),
  correlationId: z.string().optional(),
  from: time.describe('Inclusive.'),
  to: time.describe('Exclusive.'),
};

const Call = z.object({
  method: z.string(),
  path: z.string(),
  status: z.int(),
  durationMs: z.number(),
});

const Event = named(
  'Event',
  z.object({
    id: z.string(),
    at: Time,
    correlationId: z.string(),
    correlationIds: z.array(z.string()),
    kind: z.string(),
    actor: z.object({
      type: z.enum(['connection', 'admin', 'system']),
      id: z.string().nullable(),
      name: z.string(),
    }),
    subject: z
      .object({ kind: z.enum(['user', 'group']), id: z.string(), display: z.string().nullable() })
      .optional(),
    store: z.object({ id: z.string(), name: z.string() }).optional(),
    outcome: z.enum(OUTCOMES),
    reason: z.string().optional(),
    request: z.unknown().optional(),
    calls: z.array(Call).optional(),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
  }),
);

export const EventList = named('EventList', listOf('events', Event));
