/**
 * The Slack connector: people and groups through Slack's SCIM API, the token's identity through the Web
 * API. It translates and sends; what to change, and when, is decided elsewhere.
 */

import type { Desired, DesiredUser } from '../../model/desired.ts';
import { RemoteError } from '../../model/errors.ts';
import type { CommonSettings } from '../../model/settings.ts';
import type { Applied, CallContext, Connector, ConnectorDeps } from '../connector.ts';
import { checkSlack } from './check.ts';
import { createScimClient } from './client.ts';
import { createGroups, type SlackGroups } from './groups.ts';
import { DISPLAY_NAME_LENGTH_MAX, SLACK_ATTRIBUTES } from './mapping.ts';
import { normalizeUserName, userNameCandidates } from './names.ts';
import { createReads } from './reads.ts';
import { SLACK_CAPABILITIES } from './settings.ts';
import { createUsers, type SlackUsers } from './users.ts';
import { createWebApi } from './web.ts';

export function createSlackConnector(deps: ConnectorDeps): Connector {
  const { configuration, settings } = deps;
  const shared = {
    token: (configuration.OAUTH_ACCESS_TOKEN as string).trim(),
    now: deps.now,
    sleep: deps.sleep,
    fetch: deps.fetch,
  };
  const scim = createScimClient({ ...shared, baseUrl: configuration.SCIM_BASE_URL as string });
  const web = createWebApi({ ...shared, baseUrl: configuration.API_BASE_URL as string });
  const identifiedBy = settings.uniqueUserIdentifier;
  const reads = createReads(scim, web, identifiedBy);
  const users = createUsers(scim, identifiedBy);
  const groups = createGroups(scim);
  return {
    type: 'Slack',
    capabilities: SLACK_CAPABILITIES,
    memberLevel: null,
    normalize: (desired) => normalize(desired, identifiedBy),
    check: (context) => checkSlack(scim, web, context),
    find: (kind, identifier, context) =>
      kind === 'user' ? reads.findUser(identifier, context) : reads.findGroup(identifier, context),
    read: reads.read,
    scan: reads.scan,
    members: (remoteGroupId, _cursor, context) => reads.members(remoteGroupId, context),
    apply: (change, context) =>
      change.subject.kind === 'user'
        ? applyToUser(users, change, context)
        : applyToGroup(groups, change, context),
    applyMembers: groups.applyMembers,
  };
}

type SubjectChange = Parameters<Connector['apply']>[0];

async function applyToUser(users: SlackUsers, change: SubjectChange, context: CallContext): Promise<Applied> {
  switch (change.op) {
    case 'create':
      return users.create(change, context);
    case 'adopt':
      return { remoteId: change.remoteId, outcome: 'already' };
    case 'update':
      return users.update(change, context);
    case 'enable':
      return users.enable(change.remoteId, context);
    case 'disable':
      return users.disable(change.remoteId, context);
    case 'delete':
      throw cannot(`delete user ${change.remoteId}`, 'Slack can deactivate people but not delete them');
  }
}

async function applyToGroup(
  groups: SlackGroups,
  change: SubjectChange,
  context: CallContext,
): Promise<Applied> {
  switch (change.op) {
    case 'create':
      return groups.create(change.identifier, context);
    case 'adopt':
      return { remoteId: change.remoteId, outcome: 'already' };
    case 'update': {
      const name = change.attributes.find((attribute) => attribute.name === 'name')?.to;
      if (name === undefined) return { remoteId: change.remoteId, outcome: 'already' };
      return groups.rename(change.remoteId, name, context);
    }
    case 'delete':
      return groups.remove(change.remoteId, context);
    case 'enable':
    case 'disable':
      throw cannot(`${change.op} group ${change.remoteId}`, 'a group at Slack is there or it is not');
  }
}

function cannot(action: string, why: string): RemoteError {
  return new RemoteError(`Cannot ${action}: ${why}`, {
    store: 'Slack',
    action,
    disposition: 'rejected',
    code: 'unsupported',
  });
}

type IdentifiedBy = CommonSettings['uniqueUserIdentifier'];

const KNOWN = new Set(SLACK_ATTRIBUTES.map((attribute) => attribute.name));
/** Slack refuses an account without these. */
const NOT_CLEARABLE = new Set(['primaryEmail', 'userName']);

function normalize(desired: Desired, identifiedBy: IdentifiedBy): { desired: Desired; dropped: string[] } {
  if (desired.kind === 'group') return { desired: { ...desired, name: desired.name.trim() }, dropped: [] };
  const attributes: Record<string, string> = {};
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(desired.attributes)) {
    const held = KNOWN.has(name) ? normalizeAttribute(name, value, identifiedBy) : '';
    if (!KNOWN.has(name) || (held === '' && NOT_CLEARABLE.has(name))) dropped.push(name);
    else attributes[name] = held;
  }
  const user: DesiredUser = {
    ...desired,
    identifier: normalizeIdentifier(desired.identifier, identifiedBy),
    attributes,
  };
  return { desired: user, dropped };
}

function normalizeIdentifier(identifier: string | null, identifiedBy: IdentifiedBy): string | null {
  const trimmed = identifier?.trim();
  if (!trimmed) return null;
  return identifiedBy === 'userName' ? normalizeUserName(trimmed) : trimmed;
}

function normalizeAttribute(name: string, value: string, identifiedBy: IdentifiedBy): string {
  const trimmed = value.trim();
  if (name === 'userName') return normalizeHandle(trimmed, identifiedBy);
  if (name !== 'displayName') return trimmed;
  // Slack refuses `@` in a display name.
  const spoken = trimmed.replaceAll('@', ' at ').replace(/\s+/g, ' ').trim();
  return [...spoken].slice(0, DISPLAY_NAME_LENGTH_MAX).join('').trimEnd();
}

/** The identifier has one form alone; a mere handle is better short: `jane`, not `jane_example.com`. */
function normalizeHandle(userName: string, identifiedBy: IdentifiedBy): string {
  if (userName === '') return '';
  if (identifiedBy === 'userName') return normalizeUserName(userName);
  return userNameCandidates(userName)[0] ?? '';
}
