/** What the deletion of a connection and of an environment have in common at the admin API. */

import type { Request } from 'express';
import type { DeletionOptions } from '../control/endings/confirmation.ts';
import type { Deletion } from '../db/identity/deletions.ts';
import { RequestError } from '../model/errors.ts';
import { queryFlag } from './page.ts';

export function readDeletionOptions(req: Request): DeletionOptions {
  return { confirmed: queryFlag(req, 'confirm'), keepAccounts: queryFlag(req, 'keepAccounts') };
}

interface Deletable {
  readonly name: string;
  readonly deletion: Deletion | null;
}

export function refuseDeleting(what: string, { name, deletion }: Deletable): void {
  if (deletion)
    throw new RequestError(409, `The ${what} ${name} is being deleted; it does not change any more.`);
}

export function showDeletion({ deletion }: Deletable) {
  if (!deletion) return { status: 'ACTIVE' as const };
  const { since, cause, keepAccounts, users, groups } = deletion;
  const { correlationId, actor } = cause;
  return {
    status: 'DELETING' as const,
    deletion: { since, by: actor.name, correlationId, keepAccounts, usersGone: users, groupsGone: groups },
  };
}
