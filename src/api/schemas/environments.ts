/** An environment in requests and answers. */

import { z } from 'zod';
import { listOf } from '../lists.ts';
import { Link, named, Time } from './common.ts';
import { DELETION } from './deletion.ts';
import { nameText, READ_ONLY } from './texts.ts';

export const NewEnvironment = named('NewEnvironment', z.strictObject({ name: nameText }));

export const EnvironmentReplacement = named(
  'EnvironmentReplacement',
  z.strictObject({
    name: nameText,
    ...READ_ONLY,
    status: z.unknown().optional(),
    deletion: z.unknown().optional(),
  }),
);

export const Environment = named(
  'Environment',
  z.object({
    id: z.string(),
    name: z.string(),
    status: z.enum(['ACTIVE', 'DELETING']),
    deletion: z.object(DELETION).optional(),
    createdAt: Time,
    updatedAt: Time,
    _links: z.object({
      self: Link,
      connections: Link,
      users: Link,
      groups: Link,
      stores: Link,
      events: Link,
    }),
  }),
);

export const EnvironmentList = named('EnvironmentList', listOf('environments', Environment));
