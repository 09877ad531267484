/** The groups that a pulled directory has. */

import { z } from 'zod';
import { listOf } from '../../lists.ts';
import { named, Time } from '../common.ts';

export const SOURCE_GROUPS_QUERY = {
  q: z
    .string()
    .trim()
    .optional()
    .describe('What the name, the address, the DN or the id contains, in any case.'),
};

export const SourceGroupList = named(
  'SourceGroupList',
  listOf(
    'groups',
    z.object({
      id: z.string().describe("The id at the source: a connection's `groups.selected` takes it."),
      name: z.string().describe('As the source calls it.'),
      type: z.string().optional().describe("The source's word for what kind it is: `APP_GROUP`, `security`."),
      email: z.string().optional(),
      description: z.string().optional(),
      dn: z.string().optional(),
      directMembersCount: z
        .int()
        .optional()
        .describe('As the source counts them, a group inside as one; absent where its list does not say.'),
      changedAt: Time.optional().describe('When the group or its members last changed there.'),
    }),
  ),
);
