/**
 * The SCIM configuration of a connection in requests and answers: what an admin enters at the identity provider, how
 * the bridge maps what it sends, and tokens.
 */

import { z } from 'zod';
import { SCIM_SCOPES } from '../../auth/scopes.ts';
import { SETUP_STEPS } from '../../db/access/connectionActivity.ts';
import type { InboundMapping } from '../../db/identity/connections.ts';
import { attributeMistake, sourceMistake, userIdAttribute } from '../../directory/inbound.ts';
import { listOf } from '../lists.ts';
import { Link, named, Time } from './common.ts';
import { nameText, READ_ONLY } from './texts.ts';

const MAPPING_MAX = 100;
const PATH_CHARACTERS_MAX = 500;

const Entry = z.strictObject({
  attribute: z.string(),
  scim: z
    .string()
    .max(PATH_CHARACTERS_MAX, `must have at most ${PATH_CHARACTERS_MAX} characters`)
    .nullable()
    .describe('A path; null: nothing feeds the attribute.'),
});

/** What is wrong with an entry: its place in the list, the key, and the reason. */
function mappingMistakes(mapping: readonly InboundMapping[]) {
  return mapping.flatMap((entry, index) => {
    const first = mapping.findIndex(({ attribute }) => attribute === entry.attribute);
    const attribute =
      attributeMistake(entry) ?? (first < index ? `is mapped by entry ${first} already` : null);
    const scim = entry.scim === null ? null : sourceMistake(entry.scim);
    return [
      ...(attribute ? [{ path: [index, 'attribute'], message: attribute }] : []),
      ...(scim ? [{ path: [index, 'scim'], message: `cannot be read from: ${scim}` }] : []),
    ];
  });
}

const USER_ID =
  'must be the SCIM name of one text that the identity provider sends for each user, such as externalId, userName or an attribute of the enterprise extension with its URN';

export const ScimConfigurationReplacement = named(
  'ScimConfigurationReplacement',
  z.strictObject({
    userIdAttribute: z
      .string()
      .refine((name) => userIdAttribute(name) !== null, USER_ID)
      .optional(),
    mapping: z
      .array(Entry)
      .max(MAPPING_MAX, `must have at most ${MAPPING_MAX} entries`)
      .superRefine((mapping, context) => {
        for (const mistake of mappingMistakes(mapping)) context.addIssue({ code: 'custom', ...mistake });
      })
      .default([]),
    connectionId: z.unknown().optional(),
    scimBaseUrl: z.unknown().optional(),
    attributesSeen: z.unknown().optional(),
    lastRequestAt: z.unknown().optional(),
    recentRefusals: z.unknown().optional(),
    setupSteps: z.unknown().optional(),
    ...READ_ONLY,
  }),
);

export const ScimConfiguration = named(
  'ScimConfiguration',
  z.object({
    connectionId: z.string(),
    scimBaseUrl: z.url(),
    userIdAttribute: z.string().describe('The SCIM attribute that tells users apart there.'),
    mapping: z.array(z.object({ attribute: z.string(), scim: z.string().nullable() })),
    attributesSeen: z.array(
      z.object({
        kind: z.enum(['user', 'group']),
        name: z.string(),
        firstSeenAt: Time,
        lastSeenAt: Time,
        known: z.boolean(),
        mapped: z.boolean(),
      }),
    ),
    lastRequestAt: Time.nullable(),
    recentRefusals: z
      .array(
        z.object({
          at: Time,
          method: z.string(),
          path: z.string(),
          status: z.int(),
          detail: z.string(),
        }),
      )
      .describe('The newest first; 20 at most. What had no valid token is not among them.'),
    setupSteps: z
      .array(z.object({ id: z.enum(SETUP_STEPS), title: z.string(), seenAt: Time.optional() }))
      .describe('How far the setup has come: each step is ticked by the first request that shows it.'),
    createdAt: Time,
    updatedAt: Time,
    _links: z.object({ self: Link, tokens: Link }),
  }),
);

const SECONDS_PER_DAY = 86_400;
const LIFETIME_SECONDS_MAX = 3650 * SECONDS_PER_DAY;

export const NewScimToken = named(
  'NewScimToken',
  z.strictObject({
    name: nameText.nullish(),
    scopes: z
      .array(z.enum(SCIM_SCOPES))
      .min(1, 'must name at least one scope; leave it out for all')
      .optional(),
    tokenLifetime: z
      .int()
      .min(1, 'must be at least 1 second')
      .max(LIFETIME_SECONDS_MAX, `must be at most ${LIFETIME_SECONDS_MAX} seconds`)
      .nullish()
      .describe('Seconds; valid until it is revoked, without it.'),
  }),
);

const TOKEN = {
  tokenId: z.string(),
  name: z.string().nullable(),
  scopes: z.array(z.string()),
  createdAt: Time,
  validUntil: Time.nullable(),
  lastUsedAt: Time.nullable(),
};

const ScimToken = named('ScimToken', z.object(TOKEN));

export const ScimTokenList = named('ScimTokenList', listOf('tokens', ScimToken));

export const MadeScimToken = named(
  'MadeScimToken',
  z.object({ ...TOKEN, token: z.string().describe('Shown this once.') }),
);
