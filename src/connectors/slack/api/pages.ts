/**
 * Reads at Slack: one resource, one page of a list, the results of a filter. It answers "there is none" only where
 * Slack said so: a filter that Slack ignored and a list that broke off are failures.
 */

import { RemoteError } from '../../../model/errors.ts';
import type { Page } from '../../../model/remote.ts';
import type { Kind } from '../../../model/subject.ts';
import type { CallContext } from '../../connector.ts';
import type { Resource } from './calls.ts';
import * as calls from './calls.ts';
import type { ScimClient } from './client.ts';
import { refused, STORE } from './errors.ts';

/** Groups come with all their members, so that an answer holds fewer of them. */
const PAGE_SIZE: Readonly<Record<Kind, number>> = { user: 200, group: 100 };

/** How many pages of a filter's results a look-up reads. */
const FIND_PAGES_MAX = 25;

/** Null only where Slack said that there is none. */
export async function readResource(
  scim: ScimClient,
  kind: Kind,
  remoteId: string,
  context: CallContext,
): Promise<Resource | null> {
  const action = `read ${kind} ${remoteId}`;
  const answer = await scim(calls.read(kind, remoteId), action, context);
  if (answer.ok) return answer.value;
  if (answer.refusal.gone) return null;
  throw refused({ action, writes: false }, answer.refusal);
}

/** One page of all resources. The cursor is the index at which the next page starts. */
export async function listPage<T>(
  scim: ScimClient,
  kind: Kind,
  cursor: string | null,
  toRemote: (resource: Resource) => T,
  context: CallContext,
): Promise<Page<T>> {
  const wanted = { start: cursor === null ? 1 : Number(cursor), filter: null };
  const page = await list(scim, kind, wanted, `list ${kind}s`, context);
  return { items: page.items.map(toRemote), nextCursor: page.next === null ? null : String(page.next) };
}

export interface Search<T> {
  readonly filter: string;
  /** In words, for errors. */
  readonly action: string;
  toRemote(resource: Resource): T;
  /** Checked by the bridge, because Slack may apply a filter in part, or not at all. */
  matches(remote: T): boolean;
}

/** The first result of a filter that matches, and whether there were other results. */
export async function search<T>(
  scim: ScimClient,
  kind: Kind,
  { filter, action, toRemote, matches }: Search<T>,
  context: CallContext,
): Promise<{ readonly found: T | null; readonly others: boolean }> {
  let start: number | null = 1;
  let others = false;
  for (let page = 0; page < FIND_PAGES_MAX; page++) {
    const read: ListPage = await list(scim, kind, { start, filter }, action, context);
    const remotes = read.items.map(toRemote);
    const found = remotes.find(matches);
    if (found) return { found, others };
    others ||= remotes.length > 0;
    start = read.next;
    if (start === null) return { found: null, others };
  }
  throw filterIgnored(action);
}

/** Two identifiers or group names at Slack never differ by case alone. */
export function sameText(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase();
}

interface ListPage {
  readonly items: readonly Resource[];
  /** Null on the last page. */
  readonly next: number | null;
}

/** Servers may give fewer resources than asked for: the answer's own count says whether there are more. */
async function list(
  scim: ScimClient,
  kind: Kind,
  { start, filter }: { readonly start: number; readonly filter: string | null },
  action: string,
  context: CallContext,
): Promise<ListPage> {
  const query = {
    startIndex: String(start),
    count: String(PAGE_SIZE[kind]),
    ...(filter === null ? {} : { filter }),
  };
  const answer = await scim(calls.list(kind, query), action, context);
  if (!answer.ok) throw refused({ action, writes: false }, answer.refusal);
  const { resources, total } = answer.value;
  const next = start + resources.length;
  if (total === null) return { items: resources, next: resources.length > 0 ? next : null };
  if (resources.length === 0 && start <= total) throw brokenOff(action, start, total);
  return { items: resources, next: next <= total ? next : null };
}

function brokenOff(action: string, start: number, total: number): RemoteError {
  return new RemoteError(`Slack broke off when asked to ${action}: nothing from ${start} on, of ${total}`, {
    store: STORE,
    action,
    disposition: 'transient',
    code: 'list_broke_off',
  });
}

function filterIgnored(action: string): RemoteError {
  return new RemoteError(
    `Slack answered with too many others when asked to ${action}: it does not heed the filter`,
    { store: STORE, action, disposition: 'rejected', code: 'filter_ignored' },
  );
}
