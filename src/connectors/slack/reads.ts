/**
 * Looking things up at Slack. A look-up says "there is none" only where Slack said so: a filter that Slack
 * did not heed, a list that broke off, or a page that is not Slack's is a failure.
 */

import { RemoteError } from '../../model/errors.ts';
import type { Page, Remote, RemoteGroup, RemoteMember, RemoteUser } from '../../model/remote.ts';
import type { CommonSettings } from '../../model/settings.ts';
import type { Kind } from '../../model/subject.ts';
import type { CallContext } from '../connector.ts';
import { type ScimClient, unreadable } from './client.ts';
import { type Refusal, refused } from './errors.ts';
import {
  quote,
  type SlackGroup,
  type SlackUser,
  toRemoteGroup,
  toRemoteMembers,
  toRemoteUser,
} from './mapping.ts';
import type { WebApi } from './web.ts';

export interface SlackReads {
  findUser(identifier: string, context: CallContext): Promise<RemoteUser | null>;
  findGroup(name: string, context: CallContext): Promise<RemoteGroup | null>;
  read(kind: Kind, remoteId: string, context: CallContext): Promise<Remote | null>;
  scan(kind: Kind, cursor: string | null, context: CallContext): Promise<Page<Remote>>;
  members(groupId: string, context: CallContext): Promise<Page<RemoteMember>>;
}

/** Groups come with all their members, so that fewer fit an answer. */
const PAGE_SIZE: Readonly<Record<Kind, number>> = { user: 200, group: 100 };

/** How far a look-up walks through what a filter gave. */
const FIND_PAGES_MAX = 25;

const COLLECTION: Readonly<Record<Kind, string>> = { user: 'Users', group: 'Groups' };

interface ListPage {
  readonly items: readonly Record<string, unknown>[];
  /** Null on the last page. */
  readonly next: number | null;
}

export function createReads(
  scim: ScimClient,
  web: WebApi,
  identifiedBy: CommonSettings['uniqueUserIdentifier'],
): SlackReads {
  const toRemote = (kind: Kind, resource: Record<string, unknown>): Remote =>
    kind === 'user'
      ? toRemoteUser(resource as unknown as SlackUser, identifiedBy)
      : toRemoteGroup(resource as unknown as SlackGroup);

  const list = async (
    kind: Kind,
    start: number,
    filter: string | null,
    action: string,
    context: CallContext,
  ): Promise<ListPage> => {
    const query = {
      startIndex: String(start),
      count: String(PAGE_SIZE[kind]),
      ...(filter === null ? {} : { filter }),
    };
    const answer = await scim({ method: 'GET', path: COLLECTION[kind], query, action }, context);
    if (!answer.ok) throw refused({ action, writes: false }, answer.refusal, listDisposition(answer.refusal));
    return readPage(answer.body ?? {}, start, action);
  };

  /** The first of a filter's results that `matches`, and whether there were others. */
  const search = async <T extends Remote>(
    kind: Kind,
    filter: string,
    action: string,
    matches: (remote: T) => boolean,
    context: CallContext,
  ): Promise<{ found: T | null; others: boolean }> => {
    let start: number | null = 1;
    let others = false;
    for (let page = 0; page < FIND_PAGES_MAX; page++) {
      const read: ListPage = await list(kind, start, filter, action, context);
      const remotes = read.items.map((item) => toRemote(kind, item) as T);
      const found = remotes.find(matches);
      if (found) return { found, others };
      others ||= remotes.length > 0;
      start = read.next;
      if (start === null) return { found: null, others };
    }
    throw filterIgnored(action);
  };

  const read = async (kind: Kind, remoteId: string, context: CallContext) => {
    const action = `read ${kind} ${remoteId}`;
    const path = `${COLLECTION[kind]}/${encodeURIComponent(remoteId)}`;
    const answer = await scim({ method: 'GET', path, action }, context);
    if (answer.ok) {
      if (answer.body === null || typeof answer.body.id !== 'string') throw unreadable(action, 200);
      return answer.body;
    }
    const error = refused({ action, writes: false }, answer.refusal);
    if (error.disposition === 'missing') return null;
    throw error;
  };

  /**
   * Slack's search answered with others only: it did not heed the filter, or its index lags behind.
   * The Web API may know better; it knows active accounts alone, and wants a scope of its own.
   */
  const secondOpinion = async (email: string, context: CallContext): Promise<RemoteUser | null> => {
    const said = await web.userIdByEmail(email, context);
    if (!said.ok || said.id === null) return null;
    const resource = await read('user', said.id, context);
    const remote = resource && (toRemote('user', resource) as RemoteUser);
    return remote?.identifier && sameText(remote.identifier, email) ? remote : null;
  };

  return {
    async findUser(identifier, context) {
      const action = `find the account of ${identifier}`;
      const attribute = identifiedBy === 'primaryEmail' ? 'email' : 'userName';
      const matches = (remote: RemoteUser) =>
        remote.identifier !== null && sameText(remote.identifier, identifier);
      const filter = `${attribute} eq ${quote(identifier)}`;
      const { found, others } = await search('user', filter, action, matches, context);
      if (found || !others || identifiedBy !== 'primaryEmail') return found;
      return secondOpinion(identifier, context);
    },
    async findGroup(name, context) {
      const action = `find the group ${name}`;
      const matches = (remote: RemoteGroup) => sameText(remote.name, name);
      return (await search('group', `displayName eq ${quote(name)}`, action, matches, context)).found;
    },
    async read(kind, remoteId, context) {
      const resource = await read(kind, remoteId, context);
      return resource && toRemote(kind, resource);
    },
    async scan(kind, cursor, context) {
      const start = cursor === null ? 1 : Number(cursor);
      const page = await list(kind, start, null, `list ${COLLECTION[kind].toLowerCase()}`, context);
      return {
        items: page.items.map((item) => toRemote(kind, item)),
        nextCursor: page.next === null ? null : String(page.next),
      };
    },
    async members(groupId, context) {
      const action = `read group ${groupId}`;
      const resource = await read('group', groupId, context);
      if (resource) return { items: toRemoteMembers(resource as unknown as SlackGroup), nextCursor: null };
      throw new RemoteError(`Slack has no group ${groupId} any more`, {
        store: 'Slack',
        action,
        disposition: 'missing',
        code: 'no_such_group',
      });
    },
  };
}

/** A list is never "missing": a 404 there means a wrong address. */
function listDisposition(refusal: Refusal): 'rejected' | undefined {
  return refusal.status === 404 ? 'rejected' : undefined;
}

/** Tolerates servers that give fewer than asked for; the answer's own count says whether there is more. */
function readPage(body: Readonly<Record<string, unknown>>, start: number, action: string): ListPage {
  const total = body.totalResults;
  const resources = body.Resources ?? (total === 0 ? [] : null);
  if (!Array.isArray(resources) || !resources.every(hasId)) throw unreadable(action, 200);
  const next = start + resources.length;
  if (typeof total !== 'number') return { items: resources, next: resources.length > 0 ? next : null };
  if (resources.length === 0 && start <= total) throw brokenOff(action, start, total);
  return { items: resources, next: next <= total ? next : null };
}

function hasId(resource: unknown): boolean {
  return typeof (resource as { id?: unknown } | null)?.id === 'string';
}

/** Slack's identifiers and group names do not differ by case alone. */
function sameText(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase();
}

function brokenOff(action: string, start: number, total: number): RemoteError {
  return new RemoteError(`Slack broke off when asked to ${action}: nothing from ${start} on, of ${total}`, {
    store: 'Slack',
    action,
    disposition: 'transient',
    code: 'list_broke_off',
  });
}

function filterIgnored(action: string): RemoteError {
  return new RemoteError(
    `Slack answered with too many others when asked to ${action}: it does not heed the filter`,
    { store: 'Slack', action, disposition: 'rejected', code: 'filter_ignored' },
  );
}
