/** A person or a group, and whoever or whatever a change came from, as every answer shows them. */

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
