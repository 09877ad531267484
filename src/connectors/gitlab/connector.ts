/** The connector of self-managed GitLab instances: joins the contract with this folder's operations. */

import { assemble } from '../assemble.ts';
import type { Connector, ConnectorDeps } from '../connector.ts';
import { createClient, type Instance } from './api/client.ts';
import { STORE } from './api/errors.ts';
import { checkConnection } from './check.ts';
import { gitLabGroups } from './groups.ts';
import { normalizeUser } from './mapping.ts';
import { gitLabMembers } from './members.ts';
import { GITLAB_CAPABILITIES, gitLabSettings } from './settings.ts';
import { findUser, readUser, scanUsers } from './users.ts';
import { applyToUser } from './userWrites.ts';

export function createGitLabConnector(deps: ConnectorDeps): Connector {
  const settings = gitLabSettings(deps);
  const instance: Instance = { client: createClient(settings, deps), settings };
  return assemble({
    type: STORE,
    // GitLab hides addresses from non-administrators, who then cannot find people by them.
    showsLess: true,
    capabilities: GITLAB_CAPABILITIES,
    check: (context) => checkConnection(instance, context),
    user: {
      normalize: (desired) => normalizeUser(desired, settings),
      find: (identifier, context) => findUser(instance, identifier, context),
      read: (remoteId, context) => readUser(instance, remoteId, context),
      scan: (cursor, context) => scanUsers(instance, cursor, context),
      apply: (change, context) => applyToUser(instance, change, context),
    },
    group: gitLabGroups(instance),
    members: gitLabMembers(instance),
  });
}
