/**
 * Groups and their direct members. Paths are never changed and groups never deleted; memberships that
 * people inherit from a parent group are seen, but not touched.
 */

import type { Change, MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Page, RemoteGroup, RemoteMember } from '../../model/remote.ts';
import type { Applied, CallContext, MemberOutcome } from '../connector.ts';
import type { GitLabClient } from './client.ts';
import {
  isGroupPathTaken,
  isMemberAlready,
  isMissing,
  isRefusal,
  isUserMissing,
  reread,
  STORE,
  vendorWords,
} from './errors.ts';
import { groupOf, isTokenBot, memberOf } from './mapping.ts';
import { groupName, groupPath } from './names.ts';
import { readPage } from './pages.ts';
import { rowOf } from './people.ts';
import { accessLevelName, type GitLabSettings } from './settings.ts';

type Create = Extract<Change, { op: 'create' }>;
type Update = Extract<Change, { op: 'update' }>;

export interface GroupRoom {
  /** By full path, whatever its case. */
  find(fullPath: string, context: CallContext): Promise<RemoteGroup | null>;
  read(remoteId: string, context: CallContext): Promise<RemoteGroup | null>;
  create(change: Create, context: CallContext): Promise<Applied>;
  rename(change: Update, context: CallContext): Promise<Applied>;
  members(remoteId: string, cursor: string | null, context: CallContext): Promise<Page<RemoteMember>>;
  grant(change: MembershipChange, context: CallContext): Promise<MemberOutcome>;
  revoke(change: MembershipChange, context: CallContext): Promise<MemberOutcome>;
}

export function createGroups(client: GitLabClient, settings: GitLabSettings): GroupRoom {
  const show = async (idOrPath: string, context: CallContext): Promise<RemoteGroup | null> => {
    const action = `read group ${idOrPath}`;
    try {
      const row: unknown = await client
        .during({ context, action })
        .groups.show(idOrPath, { withProjects: false });
      return groupOf(rowOf(row, action, false));
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  };

  /** GitLab takes digits for an id, and follows redirects of renamed groups: the path is compared here. */
  const find = async (fullPath: string, context: CallContext): Promise<RemoteGroup | null> => {
    if (fullPath === '' || /(^|\/)\.*(\/|$)/.test(fullPath)) return null;
    if (/^\d+$/.test(fullPath)) return findAmong(fullPath, context);
    const found = await show(fullPath, context);
    return found && samePath(found.name, fullPath) ? found : null;
  };

  const findAmong = async (fullPath: string, context: CallContext): Promise<RemoteGroup | null> => {
    const action = `look up group ${fullPath}`;
    let cursor: string | null = null;
    for (let pages = 0; pages < SEARCH_PAGES_MAX; pages++) {
      const page = await readPage(client, settings, { context, action }, cursor, (api, paging) =>
        api.groups.all({ search: fullPath, topLevelOnly: true, ...paging }),
      );
      const found = page.items.map(groupOf).find(({ name }) => samePath(name, fullPath));
      if (found) return found;
      cursor = page.nextCursor;
      if (cursor === null) return null;
    }
    throw rejected(action, `more than ${SEARCH_PAGES_MAX} pages of groups answer the search for it`);
  };

  const create = async (change: Create, context: CallContext): Promise<Applied> => {
    const fullPath = change.attributes.name ?? change.identifier;
    const action = `create group ${fullPath}`;
    const parts = fullPath.split('/');
    const path = parts.pop() ?? '';
    const parent = parts.length === 0 ? null : await show(parts.join('/'), context);
    if (parts.length > 0 && !parent)
      throw rejected(action, `there is no group ${parts.join('/')} to make it in`);
    try {
      const api = client.during({ context, action });
      const row: unknown = await api.groups.create(nameFor(change.subject.display, path), path, {
        // Whoever should see more of it can be let in; what was public once cannot be called back.
        visibility: 'private',
        ...(parent ? { parentId: Number(parent.remoteId) } : {}),
      });
      const observed = groupOf(rowOf(row, action, true));
      return { remoteId: observed.remoteId, observed, outcome: 'done' };
    } catch (error) {
      if (!isGroupPathTaken(error)) throw error;
      if (await find(fullPath, context)) throw reread(error, 'conflict', `GitLab has a group ${fullPath}`);
      throw reread(
        error,
        'rejected',
        `GitLab has the path ${fullPath} in use, but not as a group: ${error.code}`,
      );
    }
  };

  const rename = async (change: Update, context: CallContext): Promise<Applied> => {
    const { remoteId } = change;
    const to = change.attributes.find(({ name }) => name === 'name')?.to;
    if (to === undefined) return { remoteId, outcome: 'already' };
    const action = `rename group ${remoteId}`;
    const name = nameFor(change.subject.display, to.split('/').at(-1) ?? to);
    await client.during({ context, action }).groups.edit(remoteId, { name });
    return { remoteId, outcome: 'done' };
  };

  const members = async (remoteId: string, cursor: string | null, context: CallContext) => {
    const action = `list the members of group ${remoteId}`;
    const page = await readPage(client, settings, { context, action }, cursor, (api, paging) =>
      api.members.all(remoteId, paging),
    );
    const people = page.items.filter((row) => !isTokenBot(row));
    return { items: people.map(memberOf), nextCursor: page.nextCursor };
  };

  const grant = async (change: MembershipChange, context: CallContext): Promise<MemberOutcome> => {
    const { remoteId: group, member } = change;
    const level = member.level ?? settings.defaultAccessLevel;
    const action = `add user ${member.remoteId} to group ${group} as ${accessLevelName(level)}`;
    try {
      const answer: unknown = await client
        .during({ context, action })
        .members.add(group, level, { userId: Number(member.remoteId) });
      return outcomeOf(member.remoteId, answer);
    } catch (error) {
      if (isMemberAlready(error)) return raise(group, member.remoteId, level, context);
      if (isUserMissing(error) || isRefusal(error)) return refused(member.remoteId, error);
      throw error;
    }
  };

  /** A grant gives what is missing and takes nothing: a higher role stays. */
  const raise = async (
    group: string,
    user: string,
    level: number,
    context: CallContext,
  ): Promise<MemberOutcome> => {
    const reading = `read the membership of user ${user} in group ${group}`;
    const row: unknown = await client.during({ context, action: reading }).members.show(group, Number(user));
    const present = memberOf(rowOf(row, reading, false)).level;
    if (present !== null && present >= level) return { remoteId: user, outcome: 'already' };
    const action = `make user ${user} ${accessLevelName(level)} of group ${group}`;
    try {
      const answer: unknown = await client
        .during({ context, action })
        .members.edit(group, Number(user), level);
      return outcomeOf(user, answer);
    } catch (error) {
      if (isRefusal(error)) return refused(user, error);
      throw error;
    }
  };

  const revoke = async (change: MembershipChange, context: CallContext): Promise<MemberOutcome> => {
    const { remoteId: group, member } = change;
    const action = `remove user ${member.remoteId} from group ${group}`;
    try {
      // Without skip_subresources GitLab also ends memberships below the group, which are not this change's.
      await client.during({ context, action }).members.remove(group, Number(member.remoteId), {
        searchParams: { skipSubresources: true },
      } as Record<string, unknown>);
      return { remoteId: member.remoteId, outcome: 'done' };
    } catch (error) {
      if (isMissing(error)) return { remoteId: member.remoteId, outcome: 'already' };
      if (isRefusal(error)) return refused(member.remoteId, error);
      throw error;
    }
  };

  return { find, read: show, create, rename, members, grant, revoke };
}

const SEARCH_PAGES_MAX = 10;

function samePath(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** The SCIM group's own name, where the path comes from it; else the path. */
function nameFor(display: string, path: string): string {
  return groupPath(display) === path.toLowerCase() ? groupName(display) : groupName(path);
}

/** Where promotions need an approval, GitLab answers 2xx with a message in place of the member. */
function outcomeOf(remoteId: string, answer: unknown): MemberOutcome {
  if (typeof answer === 'object' && answer !== null && 'id' in answer) return { remoteId, outcome: 'done' };
  const reason = vendorWords(JSON.stringify(answer)) ?? 'GitLab answered without the member';
  return { remoteId, outcome: 'refused', reason };
}

function refused(remoteId: string, error: RemoteError): MemberOutcome {
  return { remoteId, outcome: 'refused', reason: error.code ?? error.message };
}

function rejected(action: string, why: string): RemoteError {
  return new RemoteError(`GitLab did not ${action}: ${why}`, {
    store: STORE,
    action,
    disposition: 'rejected',
    code: why,
  });
}
