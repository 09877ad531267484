/** How Slack's SCIM API words its answers: resources, lists, and both shapes of error. */

import type { Answer } from '../server.ts';
import type { SlackGroup, SlackUser, SlackWorkspace } from './state.ts';

export const CORE_USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const CORE_GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** A request that Slack refuses; thrown by the operations, answered as v2 words it. */
export class ScimRefusal extends Error {
  readonly status: number;

  constructor(status: number, description: string) {
    super(description);
    this.status = status;
  }
}

export function refusalAnswer(refusal: ScimRefusal): Answer {
  // Slack's version 2 answers 401 in version 1's shape.
  if (refusal.status === 401) {
    return { status: 401, body: { Errors: { description: refusal.message, code: 401 } } };
  }
  return {
    status: refusal.status,
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      detail: refusal.message,
      status: refusal.status,
    },
  };
}

const DEFAULT_COUNT = 10;
const COUNT_MAX = 1000;

/** One page; `startIndex` counts from 1. */
export function listAnswer(
  resources: readonly Record<string, unknown>[],
  query: URLSearchParams,
  pageSizeMax: number,
): Answer {
  const startIndex = Math.max(1, Number(query.get('startIndex') ?? 1) || 1);
  const asked = Number(query.get('count') ?? DEFAULT_COUNT);
  const count = Math.min(
    Number.isInteger(asked) && asked >= 0 ? asked : DEFAULT_COUNT,
    COUNT_MAX,
    pageSizeMax,
  );
  const page = resources.slice(startIndex - 1, startIndex - 1 + count);
  return {
    status: 200,
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      Resources: page,
      totalResults: resources.length,
      itemsPerPage: page.length,
      startIndex,
    },
  };
}

export function userResource(
  user: SlackUser,
  workspace: SlackWorkspace,
  scimUrl: string,
  nowMs: number,
): Record<string, unknown> {
  const extended = Object.keys(user.enterprise).length > 0 || user.managerId !== null;
  return {
    schemas: extended ? [CORE_USER, ENTERPRISE] : [CORE_USER],
    id: user.id,
    // Slack keeps no externalId.
    externalId: '',
    meta: { created: new Date(user.createdMs).toISOString(), location: `${scimUrl}Users/${user.id}` },
    userName: user.userName,
    nickName: user.userName,
    name: user.name,
    displayName: user.displayName,
    profileUrl: `https://${workspace.name}.slack.com/team/${user.userName}`,
    title: '',
    timezone: 'America/Los_Angeles',
    ...user.profile,
    active: user.active || user.shownActiveUntilMs > nowMs,
    emails: user.emails,
    photos: [{ value: 'https://secure.gravatar.com/avatar/x.jpg', type: 'photo' }],
    ...(user.phoneNumbers.length > 0 ? { phoneNumbers: user.phoneNumbers } : {}),
    ...(extended ? { [ENTERPRISE]: { ...user.enterprise, manager: { managerId: user.managerId } } } : {}),
    groups: [...workspace.groups.values()]
      .filter((group) => group.members.has(user.id))
      .map((group) => ({ value: group.id, display: group.displayName })),
  };
}

export function groupResource(
  group: SlackGroup,
  workspace: SlackWorkspace,
  scimUrl: string,
): Record<string, unknown> {
  return {
    schemas: [CORE_GROUP],
    id: group.id,
    meta: { created: new Date(group.createdMs).toISOString(), location: `${scimUrl}Groups/${group.id}` },
    displayName: group.displayName,
    members: [...group.members].map((id) => ({
      value: id,
      display: workspace.users.get(id)?.displayName ?? '',
    })),
  };
}
