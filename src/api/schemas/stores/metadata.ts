/** The settings and abilities of a store type. */

import { z } from 'zod';
import { listOf } from '../../lists.ts';
import { Link, named } from '../common.ts';

export const Setting = named(
  'Setting',
  z.object({
    key: z.string(),
    type: z.enum(['string', 'url', 'boolean', 'integer', 'strings']),
    required: z.boolean(),
    secret: z.boolean(),
    default: z.union([z.string(), z.boolean(), z.number(), z.array(z.string())]).optional(),
    allowed: z.array(z.string()).optional(),
    min: z.int().optional(),
    max: z.int().optional(),
    notYet: z.string().optional().describe('Why any other value is refused in this release.'),
    deprecated: z.literal(true).optional(),
    aliasOf: z.string().optional(),
    description: z.string(),
  }),
);

const TargetAttribute = named(
  'TargetAttribute',
  z.object({
    name: z.string(),
    description: z.string(),
    required: z.boolean(),
    maxLength: z.int().optional(),
    keptOnAdoption: z.boolean().optional(),
    identity: z.boolean().optional(),
    foreignKept: z.boolean().optional(),
    reference: z.boolean().optional().describe("It takes the id of the manager's account there."),
  }),
);

export const StoreMetadata = named(
  'StoreMetadata',
  z.object({
    type: z.string(),
    configuration: z.array(Setting),
    capabilities: z.object({
      deleteUsers: z.boolean(),
      createGroups: z.boolean(),
      renameGroups: z.boolean(),
      deleteGroups: z.boolean(),
      disableKeepsMemberships: z.boolean(),
      membershipLevels: z.boolean(),
      membersPerCallMax: z.int(),
    }),
    userAttributes: z.array(TargetAttribute),
    defaultMapping: z.array(z.object({ targetAttribute: z.string(), sourceAttribute: z.string() })),
    sourceAttributes: z.array(z.string()),
    accessLevels: z.array(z.string()).optional().describe('Lowest first.'),
    _links: z.object({ self: Link }),
  }),
);

export const StoreMetadataList = named('StoreMetadataList', listOf('storeMetadata', StoreMetadata));
