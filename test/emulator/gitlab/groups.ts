/** `/groups` and their members, of the emulated GitLab. */

import type { Answer, EmulatedRequest } from '../server.ts';
import {
  conflict,
  forbidden,
  invalid,
  notFound,
  type Paging,
  page,
  parameters,
  Refused,
  requireFields,
} from './answers.ts';
import {
  descendants,
  fullPath,
  type GitLabGroup,
  type GitLabState,
  type GitLabUser,
  groupByPath,
  inherited,
  isLastOwner,
  isNameTaken,
  OWNER,
} from './state.ts';

export interface GroupsRules {
  readonly paging: Paging;
  /** Memberships above guest wait for an administrator. */
  readonly promotionApproval: boolean;
  /** Seconds to wait, where the caller asked too often; 0 otherwise. */
  limit(what: LimitedCall, caller: GitLabUser, groupId?: number): number;
}

/** What GitLab counts apart for each caller, the last two for each group too. */
export type LimitedCall = 'listGroups' | 'readGroup' | 'listMembers' | 'removeMember';

function refuseTooMany(wait: number): void {
  if (wait === 0) return;
  const error = 'This endpoint has been requested too many times. Try again later.';
  throw new Refused(429, { message: { error } });
}

/** `segments` are the path's, after `groups`, decoded. */
export function answerGroups(
  state: GitLabState,
  rules: GroupsRules,
  request: EmulatedRequest,
  segments: readonly string[],
  caller: GitLabUser,
  admin: boolean,
): Answer {
  const [id, collection, memberId, below] = segments;
  if (id === undefined) {
    if (request.method === 'GET') {
      refuseTooMany(rules.limit('listGroups', caller));
      return list(state, rules, request);
    }
    if (request.method === 'POST') return create(state, request, caller, admin);
    throw notFound('');
  }
  const group = /^\d+$/.test(id) ? state.groups.get(Number(id)) : groupByPath(state, id);
  if (!group || group.isHidden) throw notFound('Group');
  if (request.method !== 'GET' && !admin && state.members.get(group.id)?.get(caller.id) !== OWNER) {
    throw forbidden();
  }
  if (collection === undefined) {
    if (request.method === 'GET') refuseTooMany(rules.limit('readGroup', caller));
    return answerGroup(state, request, group);
  }
  if (collection !== 'members') throw notFound('');
  const all = memberId === 'all';
  const user = all ? below : memberId;
  if (user === undefined) {
    if (request.method === 'GET') {
      refuseTooMany(rules.limit('listMembers', caller, group.id));
      return listMembers(state, rules, request, group, all);
    }
    if (request.method === 'POST') return addMember(state, rules, request, group);
    throw notFound('');
  }
  return answerMember(state, rules, request, group, Number(user), all, caller);
}

export function groupJson(state: GitLabState, group: GitLabGroup): Record<string, unknown> {
  return {
    id: group.id,
    name: group.name,
    path: group.path,
    full_name: group.name,
    full_path: fullPath(state, group),
    parent_id: group.parentId,
    visibility: group.visibility,
    description: '',
    web_url: `http://gitlab.example/groups/${fullPath(state, group)}`,
  };
}

function list(state: GitLabState, rules: GroupsRules, request: EmulatedRequest): Answer {
  const search = request.query.get('search')?.toLowerCase();
  const topOnly = request.query.get('top_level_only') === 'true';
  const found = [...state.groups.values()].filter(
    (group) =>
      !group.isHidden &&
      (!topOnly || group.parentId === null) &&
      (search === undefined || [group.name, group.path].some((text) => text.toLowerCase().includes(search))),
  );
  const sign = request.query.get('sort') === 'desc' ? -1 : 1;
  const byId = request.query.get('order_by') === 'id';
  found.sort((a, b) => sign * (byId ? a.id - b.id : a.name.localeCompare(b.name)));
  return page(found, request, 'groups', rules.paging, (group) => groupJson(state, group));
}

function create(state: GitLabState, request: EmulatedRequest, caller: GitLabUser, admin: boolean): Answer {
  const given = parameters(request);
  requireFields(given, ['name', 'path']);
  const { name = '', path = '', parent_id: parent } = given;
  const parentId = parent === undefined ? null : Number(parent);
  const above = parentId === null ? undefined : state.groups.get(parentId);
  if (parentId !== null && !above) throw notFound('Group');
  if (!admin && (!above || state.members.get(above.id)?.get(caller.id) !== OWNER)) throw forbidden();
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9]|[_.-](?=[a-zA-Z0-9]))*$/.test(path)) {
    throw invalid({
      path: [
        "can contain only letters, digits, '_', '-' and '.'. It must not start or end with a special character.",
      ],
    });
  }
  if (!/^[\p{L}\p{N}\p{Extended_Pictographic}_][\p{L}\p{N}\p{Extended_Pictographic}_ .()-]*$/u.test(name)) {
    throw invalid({ name: ["can contain only letters, digits, emoji, '_', '.', '-', space, parenthesis."] });
  }
  const wanted = above ? `${fullPath(state, above)}/${path}` : path;
  if (above ? groupByPath(state, wanted) : isNameTaken(state, path)) {
    // Not a hash, as elsewhere: Ruby's way to print one.
    throw new Refused(400, { message: 'Failed to save group {:path=>["has already been taken"]}' });
  }
  const group = state.addGroup({ name, path, parentId, visibility: given.visibility ?? 'private' });
  // Whoever makes a group owns it; in a subgroup that is inherited.
  if (parentId === null) state.setMember(group.id, caller.id, OWNER);
  return { status: 201, body: groupJson(state, group) };
}

function answerGroup(state: GitLabState, request: EmulatedRequest, group: GitLabGroup): Answer {
  if (request.method === 'PUT') {
    const given = parameters(request);
    group.name = given.name ?? group.name;
    group.path = given.path ?? group.path;
  } else if (request.method === 'DELETE') {
    state.removeGroup(group.id);
    return { status: 202, body: { message: '202 Accepted' } };
  } else if (request.method !== 'GET') throw notFound('');
  return { status: 200, body: groupJson(state, group) };
}

function memberJson(user: GitLabUser, level: number): Record<string, unknown> {
  return {
    id: user.id,
    username: user.username,
    name: user.name,
    state: user.state,
    locked: false,
    avatar_url: null,
    web_url: `http://gitlab.example/${user.username}`,
    access_level: level,
    created_at: user.createdAt,
    expires_at: null,
    membership_state: 'active',
  };
}

/** Direct, or with what comes from the groups above; the highest level wins. */
function membership(state: GitLabState, groupId: number, userId: number, all: boolean): number | undefined {
  const direct = state.members.get(groupId)?.get(userId);
  const above = all ? inherited(state, groupId, userId)?.level : undefined;
  return direct === undefined ? above : Math.max(direct, above ?? 0);
}

function listMembers(
  state: GitLabState,
  rules: GroupsRules,
  request: EmulatedRequest,
  group: GitLabGroup,
  all: boolean,
): Answer {
  const rows = [...state.users.values()].flatMap((user) => {
    const level = membership(state, group.id, user.id, all);
    return level === undefined ? [] : [{ id: user.id, user, level }];
  });
  const path = `groups/${group.id}/members${all ? '/all' : ''}`;
  return page(rows, request, path, rules.paging, ({ user, level }) => memberJson(user, level));
}

const LEVELS = new Map([
  [5, 'Minimal Access'],
  [10, 'Guest'],
  [15, 'Planner'],
  [20, 'Reporter'],
  [25, 'Security Manager'],
  [30, 'Developer'],
  [40, 'Maintainer'],
  [OWNER, 'Owner'],
]);
const GUEST = 10;

function addMember(
  state: GitLabState,
  rules: GroupsRules,
  request: EmulatedRequest,
  group: GitLabGroup,
): Answer {
  const given = parameters(request);
  requireFields(given, ['access_level']);
  if (given.user_id === undefined && given.username === undefined) {
    throw new Refused(400, {
      error: 'user_id, username are missing, exactly one parameter must be provided',
    });
  }
  if (group.isMembershipLocked) throw new Refused(405, { message: '405 Method Not Allowed' });
  const user = [...state.users.values()].find(
    ({ id, username }) => String(id) === given.user_id || username === given.username,
  );
  const level = Number(given.access_level);
  if (user && state.members.get(group.id)?.has(user.id)) throw conflict('Member already exists');
  if (!user) throw notFound('User');
  refuseLevel(state, group, user, level);
  if (rules.promotionApproval && level > GUEST) {
    const queued = { [user.username]: 'Request queued for administrator approval.' };
    return { status: 201, body: { message: queued, status: 'success' } };
  }
  state.setMember(group.id, user.id, level);
  return { status: 201, body: memberJson(user, level) };
}

function refuseLevel(state: GitLabState, group: GitLabGroup, user: GitLabUser, level: number): void {
  if (!LEVELS.has(level)) throw invalid({ access_level: ['is not included in the list'] });
  const above = inherited(state, group.id, user.id);
  if (above && level < above.level) {
    throw invalid({
      access_level: [
        `should be greater than or equal to ${LEVELS.get(above.level)} inherited membership from group ${above.group.name}`,
      ],
    });
  }
}

function answerMember(
  state: GitLabState,
  rules: GroupsRules,
  request: EmulatedRequest,
  group: GitLabGroup,
  userId: number,
  all: boolean,
  caller: GitLabUser,
): Answer {
  if (request.method === 'DELETE') refuseTooMany(rules.limit('removeMember', caller, group.id));
  const user = state.users.get(userId);
  const level = membership(state, group.id, userId, all);
  if (!user || level === undefined) throw new Refused(404, { message: '404 Not found' });
  if (request.method === 'GET') return { status: 200, body: memberJson(user, level) };
  const given = parameters(request);
  if (request.method === 'PUT') {
    requireFields(given, ['access_level']);
    const to = Number(given.access_level);
    refuseLevel(state, group, user, to);
    if (to !== OWNER && isLastOwner(state, group.id, userId)) throw forbidden();
    state.setMember(group.id, userId, to);
    return { status: 200, body: memberJson(user, to) };
  }
  if (request.method !== 'DELETE') throw notFound('');
  if (isLastOwner(state, group.id, userId)) throw forbidden();
  const below = given.skip_subresources === 'true' ? [] : descendants(state, group.id);
  for (const id of [group.id, ...below]) state.members.get(id)?.delete(userId);
  return { status: 204 };
}
