/** The deletion of a connection or environment in requests and answers. */

import { z } from 'zod';
import type { DeletionOptions } from '../../control/endings/confirmation.ts';
import type { Deletion } from '../../db/identity/deletions.ts';
import { Time } from './common.ts';

export const CONFIRM_QUERY = {
  confirm: z.boolean().default(false).describe('Yes, with everything that hangs on it.'),
};

export const DELETION_QUERY = {
  ...CONFIRM_QUERY,
  keepAccounts: z
    .boolean()
    .default(false)
    .describe('Accounts on the stores are left as they are, and only forgotten.'),
};

export function deletionOptions(query: {
  readonly confirm: boolean;
  readonly keepAccounts: boolean;
}): DeletionOptions {
  return { confirmed: query.confirm, keepAccounts: query.keepAccounts };
}

export const DELETION = {
  since: Time,
  by: z.string().describe('Who asked, by name.'),
  correlationId: z.string(),
  keepAccounts: z.boolean(),
  usersGone: z.int(),
  groupsGone: z.int(),
};

export function showDeletion(deletion: Deletion) {
  const { since, cause, keepAccounts, users, groups } = deletion;
  const { correlationId, actor } = cause;
  return { since, by: actor.name, correlationId, keepAccounts, usersGone: users, groupsGone: groups };
}
