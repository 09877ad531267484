/** Alerts and their deliveries in requests and answers. */

import { z } from 'zod';
import { ALERT_KINDS, ALERT_TYPES } from '../../model/alerts/alerts.ts';
import { MASK } from '../../model/settings.ts';
import { listOf } from '../lists.ts';
import { Link, named, Reference, Time } from './common.ts';
import { nameText, READ_ONLY, webUrl } from './texts.ts';

const URL_MAX = 2_000;
const RECIPIENTS_MAX = 50;
const ADDRESS_MAX = 254;

const target = z
  .strictObject({
    url: z
      .union([z.literal(MASK), webUrl(URL_MAX)], { error: 'must be an absolute http(s) URL' })
      .optional()
      .describe('Of slack and webhook. A secret: it comes back as ********, which may be sent back.'),
    to: z
      .array(z.email('must be an e-mail address').max(ADDRESS_MAX))
      .min(1, 'must name at least one address')
      .max(RECIPIENTS_MAX, `must name at most ${RECIPIENTS_MAX} addresses`)
      .optional()
      .describe('Of email.'),
  })
  .describe('Where the messages go.');

const events = z
  .array(z.enum(ALERT_TYPES))
  .min(1, `must name at least one of ${ALERT_TYPES.join(', ')}`)
  .describe('What it tells of; audit.* is every event of the environment.');

const SETTINGS = {
  name: nameText,
  kind: z.enum(ALERT_KINDS),
  target,
  events,
  active: z.boolean().default(true),
};

export const NewAlert = named('NewAlert', z.strictObject(SETTINGS));

export const AlertReplacement = named('AlertReplacement', z.strictObject({ ...SETTINGS, ...READ_ONLY }));

export const AlertPatch = named(
  'AlertPatch',
  z.strictObject({
    name: nameText.optional(),
    kind: SETTINGS.kind.optional(),
    target: target.optional(),
    events: events.optional(),
    active: z.boolean().nullish(),
    ...READ_ONLY,
  }),
);

const SHOWN = {
  id: z.string(),
  environment: Reference,
  name: z.string(),
  kind: z.enum(ALERT_KINDS),
  target: z.object({ url: z.literal(MASK).optional(), to: z.array(z.string()).optional() }),
  events: z.array(z.enum(ALERT_TYPES)),
  active: z.boolean(),
  createdAt: Time,
  updatedAt: Time,
  _links: z.object({ self: Link, deliveries: Link }),
};

export const Alert = named('Alert', z.object(SHOWN));

export const MadeAlert = named(
  'MadeAlert',
  z.object({
    ...SHOWN,
    secret: z
      .string()
      .optional()
      .describe('Of a webhook, shown this once: what verifies its signatures (Standard Webhooks).'),
  }),
);

export const AlertList = named('AlertList', listOf('alerts', Alert));

export const Delivery = named(
  'Delivery',
  z.object({
    id: z.string().describe('The webhook-id.'),
    type: z.string(),
    at: Time,
    attempts: z.array(
      z.object({
        at: Time,
        status: z.int().describe('HTTP or SMTP; 0: no answer.'),
        durationMs: z.int(),
        error: z.string().optional(),
      }),
    ),
    state: z.enum(['pending', 'delivered', 'given_up']),
  }),
);

export const DeliveryList = named('DeliveryList', listOf('deliveries', Delivery));
