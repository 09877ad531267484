/** Shows users and groups: the stored resource with the attributes that the server adds. */

import type { MemberRow, MembershipRow } from '../../db/identity/groupMembers.ts';
import type { GroupRecord } from '../../db/identity/groups.ts';
import type { UserRecord } from '../../db/identity/users.ts';
import type { NamedManager } from '../../db/people/managers.ts';
import { ENTERPRISE_URN, GROUP_URN, USER_URN } from '../../directory/query/attributes.ts';
import { etagOf } from './etag.ts';

/** What a user is shown with. */
export interface Beside {
  /** Undefined where the answer leaves them out. */
  readonly groups: readonly MembershipRow[] | undefined;
  /** Null where the user has none, or none whom the bridge knows. */
  readonly manager: NamedManager | null;
}

export function presentUser(baseUrl: string, user: UserRecord, { groups, manager }: Beside): object {
  const enterprise = user.resource[ENTERPRISE_URN] as Enterprise | undefined;
  return {
    schemas: enterprise ? [USER_URN, ENTERPRISE_URN] : [USER_URN],
    id: user.id,
    ...user.resource,
    ...(enterprise?.manager !== undefined && {
      [ENTERPRISE_URN]: { ...enterprise, manager: shownManager(baseUrl, enterprise.manager, manager) },
    }),
    ...(groups && {
      groups: groups.map((group) => ({
        value: group.groupId,
        $ref: groupLocation(baseUrl, group.groupId),
        display: group.display,
        type: 'direct',
      })),
    }),
    meta: meta('User', user, userLocation(baseUrl, user.id), etagOf(user.version, groups, manager)),
  };
}

type Enterprise = Readonly<Record<string, unknown>>;

/** Of a manager who is nobody here: what the client sent, without an address of the bridge's own that leads nowhere. */
function shownManager(baseUrl: string, stored: unknown, manager: NamedManager | null): unknown {
  if (manager)
    return { value: manager.id, $ref: userLocation(baseUrl, manager.id), displayName: manager.display };
  const { $ref, ...rest } = stored as { readonly value?: string; readonly $ref?: unknown };
  return $ref === userLocation(baseUrl, rest.value ?? '') ? rest : stored;
}

/** `members` is undefined where the answer leaves them out. */
export function presentGroup(
  baseUrl: string,
  group: GroupRecord,
  members: readonly MemberRow[] | undefined,
): object {
  return {
    schemas: [GROUP_URN],
    id: group.id,
    ...group.resource,
    ...(members && {
      members: members.map((member) => ({
        value: member.userId,
        $ref: userLocation(baseUrl, member.userId),
        display: member.display,
        type: 'User',
      })),
    }),
    meta: meta('Group', group, groupLocation(baseUrl, group.id), etagOf(group.version)),
  };
}

export function userLocation(baseUrl: string, id: string): string {
  return `${baseUrl}/Users/${id}`;
}

export function groupLocation(baseUrl: string, id: string): string {
  return `${baseUrl}/Groups/${id}`;
}

function meta(
  resourceType: string,
  record: Pick<UserRecord, 'createdAt' | 'updatedAt'>,
  location: string,
  version: string,
): object {
  return {
    resourceType,
    created: record.createdAt,
    lastModified: record.updatedAt,
    location,
    version,
  };
}
