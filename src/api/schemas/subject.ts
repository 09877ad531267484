/** The subject and the cause of a change, as every answer shows them. */

import { z } from 'zod';
import { named } from './common.ts';

export const Subject = named(
  'Subject',
  z.object({
    kind: z.enum(['user', 'group']),
    id: z.string().describe('The id of a person, or of a SCIM group.'),
    display: z.string(),
  }),
);

export const Person = named('Person', z.object({ id: z.string(), display: z.string() }));

const CAUSE_KINDS = [
  ...(['request', 'rule', 'settings', 'sync', 'pull'] as const),
  ...(['speaker', 'identity', 'privileged', 'confusable'] as const),
];

export const Cause = named(
  'Cause',
  z.object({
    correlationId: z.string(),
    kind: z.enum(CAUSE_KINDS),
    description: z.string(),
  }),
);
