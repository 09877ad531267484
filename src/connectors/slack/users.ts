/** Finds, reads and lists accounts at Slack. */

import type { Page, RemoteUser } from '../../model/remote.ts';
import type { CallContext } from '../connector.ts';
import type { Resource } from './api/calls.ts';
import { listPage, readResource, sameText, search } from './api/pages.ts';
import { quote, toRemoteUser } from './mapping.ts';
import { scanWithPrivileges, withPrivilege } from './privileges.ts';
import type { Workspace } from './workspace.ts';

/** Finds the account by its `UNIQUE_USER_IDENTIFIER`, ignoring case. */
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
  if (found) return withPrivilege(workspace, found, context);
  if (!others || identifiedBy !== 'primaryEmail') return null;
  return secondOpinion(workspace, identifier, context);
}

export async function readUser(
  workspace: Workspace,
  remoteId: string,
  context: CallContext,
): Promise<RemoteUser | null> {
  const { scim, identifiedBy } = workspace;
  const resource = await readResource(scim, 'user', remoteId, context);
  return resource && withPrivilege(workspace, toRemoteUser(resource, identifiedBy), context);
}

export function scanUsers(
  { scim, web, identifiedBy }: Workspace,
  cursor: string | null,
  context: CallContext,
): Promise<Page<RemoteUser>> {
  const toRemote = (resource: Resource) => toRemoteUser(resource, identifiedBy);
  const list = (at: string | null) => listPage(scim, 'user', at, toRemote, context);
  return scanWithPrivileges(web, cursor, list, context);
}

/**
 * Slack's search answered only with others: it ignored the filter, or its index lags behind. The Web API may know
 * better, but it knows only active accounts and needs another scope.
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
