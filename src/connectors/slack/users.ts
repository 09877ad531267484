/** Accounts at Slack: looked up, read and listed. */

import type { Page, RemoteUser } from '../../model/remote.ts';
import type { CallContext } from '../connector.ts';
import { listPage, readResource, sameText, search } from './api/pages.ts';
import { quote, toRemoteUser } from './mapping.ts';
import type { Workspace } from './workspace.ts';

/** By `UNIQUE_USER_IDENTIFIER`, whatever its case. */
export async function findUser(
  workspace: Workspace,
  identifier: string,
  context: CallContext,
): Promise<RemoteUser | null> {
  const { scim, identifiedBy } = workspace;
  const attribute = identifiedBy === 'primaryEmail' ? 'email' : 'userName';
  const { found, others } = await search(
    scim,
    'user',
    {
      filter: `${attribute} eq ${quote(identifier)}`,
      action: `find the account of ${identifier}`,
      toRemote: (resource) => toRemoteUser(resource, identifiedBy),
      matches: (remote) => hasIdentifier(remote, identifier),
    },
    context,
  );
  if (found || !others || identifiedBy !== 'primaryEmail') return found;
  return secondOpinion(workspace, identifier, context);
}

export async function readUser(
  { scim, identifiedBy }: Workspace,
  remoteId: string,
  context: CallContext,
): Promise<RemoteUser | null> {
  const resource = await readResource(scim, 'user', remoteId, context);
  return resource && toRemoteUser(resource, identifiedBy);
}

export function scanUsers(
  { scim, identifiedBy }: Workspace,
  cursor: string | null,
  context: CallContext,
): Promise<Page<RemoteUser>> {
  return listPage(scim, 'user', cursor, (resource) => toRemoteUser(resource, identifiedBy), context);
}

/**
 * Slack's search answered with others only: it did not heed the filter, or its index lags behind. The
 * Web API may know better; it knows active accounts alone, and wants a scope of its own.
 */
async function secondOpinion(
  workspace: Workspace,
  email: string,
  context: CallContext,
): Promise<RemoteUser | null> {
  const answer = await workspace.web.userIdByEmail(email, context);
  if (!answer.ok || answer.id === null) return null;
  const remote = await readUser(workspace, answer.id, context);
  return remote && hasIdentifier(remote, email) ? remote : null;
}

function hasIdentifier(remote: RemoteUser, identifier: string): boolean {
  return remote.identifier !== null && sameText(remote.identifier, identifier);
}
