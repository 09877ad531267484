/**
 * The Slack connector: people and groups through Slack's SCIM API, the token's identity through the Web API. It
 * translates and sends; other code decides what to change, and when.
 */

import { settingsOf } from '../../model/settings.ts';
import { assemble } from '../assemble.ts';
import type { Connector, ConnectorDeps } from '../connector.ts';
import { createScimClient } from './api/client.ts';
import { STORE } from './api/errors.ts';
import { createWebApi } from './api/web.ts';
import { checkSlack } from './check.ts';
import { slackGroups } from './groups.ts';
import { normalizeUser } from './mapping.ts';
import { slackMembers } from './members.ts';
import { SLACK_CAPABILITIES, SLACK_SPECS } from './settings.ts';
import { findUser, readUser, scanUsers } from './users.ts';
import { applyToUser } from './userWrites.ts';
import type { Workspace } from './workspace.ts';

export function createSlackConnector(deps: ConnectorDeps): Connector {
  const settings = settingsOf(SLACK_SPECS, deps.configuration);
  const shared = {
    token: settings.oauthAccessToken.trim(),
    now: deps.now,
    sleep: deps.sleep,
    fetch: deps.fetch,
  };
  const workspace: Workspace = {
    scim: createScimClient({
      ...shared,
      baseUrl: settings.scimBaseUrl,
      ratePerMinute: settings.ratePerMinute,
    }),
    web: createWebApi({ ...shared, baseUrl: settings.apiBaseUrl }),
    identifiedBy: settings.uniqueUserIdentifier,
    deletesGroups: settings.deleteGroups,
  };
  return assemble({
    type: STORE,
    capabilities: { ...SLACK_CAPABILITIES, deleteGroups: workspace.deletesGroups },
    check: (context) => checkSlack(workspace, context),
    user: {
      normalize: (desired) => normalizeUser(desired, workspace.identifiedBy),
      find: (identifier, context) => findUser(workspace, identifier, context),
      read: (remoteId, context) => readUser(workspace, remoteId, context),
      scan: (cursor, context) => scanUsers(workspace, cursor, context),
      apply: (change, context) => applyToUser(workspace, change, context),
    },
    group: slackGroups(workspace),
    members: slackMembers(workspace),
  });
}
