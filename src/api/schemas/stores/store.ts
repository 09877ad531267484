/** A store in requests and answers, in the form of PingOne's API. */

import { z } from 'zod';
import { listOf } from '../../lists.ts';
import { Link, named, Reference, Time } from '../common.ts';
import { idText, longText, nameText, READ_ONLY, webUrl } from '../texts.ts';

const DESCRIPTION_MAX = 2_000;
const URL_MAX = 2_000;

const configuration = z
  .record(z.string(), z.unknown())
  .describe('By key, as `storeMetadata` of the type says. A secret is write-only and comes back as a mask.');

const SETTINGS = {
  type: z.string(),
  name: nameText,
  description: longText(DESCRIPTION_MAX).nullish(),
  image: z.strictObject({ href: webUrl(URL_MAX).optional() }).nullish(),
  managed: z.boolean().nullish().describe('Its people are deprovisioned before it is deleted.'),
  status: z.enum(['ACTIVE', 'INACTIVE']).optional(),
  configuration,
};

const SHOWN_ONLY = { ...READ_ONLY, paused: z.unknown().optional() };

export const NewStore = named('NewStore', z.strictObject(SETTINGS));

export const StoreReplacement = named('StoreReplacement', z.strictObject({ ...SETTINGS, ...SHOWN_ONLY }));

export const StorePatch = named(
  'StorePatch',
  z.strictObject({
    ...SETTINGS,
    type: z.string().optional(),
    name: nameText.optional(),
    image: z.strictObject({ href: webUrl(URL_MAX).nullish() }).nullish(),
    configuration: configuration.optional().describe('A key with null returns to its default.'),
    ...SHOWN_ONLY,
  }),
);

export const Store = named(
  'Store',
  z.object({
    id: z.string(),
    environment: Reference,
    createdAt: Time,
    updatedAt: Time,
    image: z.object({ href: z.string().optional() }),
    description: z.string().optional(),
    type: z.string(),
    status: z.enum(['ACTIVE', 'INACTIVE', 'DELETING']),
    configuration: z
      .record(z.string(), z.union([z.string(), z.boolean(), z.number(), z.array(z.string())]))
      .describe('What was given, and nothing more: defaults are in `storeMetadata`.'),
    name: z.string(),
    managed: z.boolean(),
    paused: z
      .object({
        code: z.string(),
        message: z.string(),
        since: Time.nullable(),
        retryAt: Time.nullable().describe('When it is tried again by itself.'),
      })
      .optional(),
    _links: z.object({ self: Link, update: Link, delete: Link, syncStatus: Link }),
  }),
);

export const StoreList = named('StoreList', listOf('stores', Store));

/** Checks a saved store, or a configuration that is not saved; the handler decides which. */
export const ConnectionCheck = named(
  'ConnectionCheck',
  z.strictObject({
    id: idText.optional().describe('Of a saved store; without type and configuration.'),
    type: z.string().optional(),
    configuration: configuration.optional(),
  }),
);

export const Detail = named('Detail', z.object({ code: z.string(), message: z.string() }));

export const CheckedConnection = named(
  'CheckedConnection',
  z.object({ status: z.enum(['OK', 'FAILED']), details: z.array(Detail) }),
);
