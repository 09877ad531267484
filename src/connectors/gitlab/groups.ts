/** Groups, by id or full path. The bridge never changes a group's path and never deletes a group. */

import type { Create, Update, Write } from '../../model/change.ts';
import type { Page, RemoteGroup } from '../../model/remote.ts';
import type { Applied, CallContext, GroupConnector } from '../connector.ts';
import * as calls from './api/calls.ts';
import type { Instance } from './api/client.ts';
import { failed, isGroupPathTaken, refused } from './api/errors.ts';
import { BY_ID, readPage } from './api/pages.ts';
import { groupOf, normalizeGroup } from './mapping.ts';
import { groupName, groupPath } from './names.ts';

export function gitLabGroups(instance: Instance): GroupConnector {
  return {
    normalize: (desired) => normalizeGroup(desired, instance.settings),
    matchRefusal: (fullPath) => matchRefusal(instance.settings.matchWithin, fullPath),
    find: (fullPath, context) => findGroup(instance, fullPath, context),
    read: (remoteId, context) => readGroup(instance, remoteId, context),
    scan: (cursor, context) => scanGroups(instance, cursor, context),
    apply: (change, context) => apply(instance, change, context),
  };
}

async function apply(
  instance: Instance,
  change: Write<'group'>,
  context: CallContext,
): Promise<Applied<'group'>> {
  switch (change.op) {
    case 'create':
      return createGroup(instance, change, context);
    case 'update':
      return renameGroup(instance, change, context);
    case 'delete':
      throw failed(
        `delete group ${change.remoteId}`,
        'rejected',
        'the bridge does not delete groups on GitLab',
      );
  }
}

async function scanGroups(
  instance: Instance,
  cursor: string | null,
  context: CallContext,
): Promise<Page<RemoteGroup>> {
  const exchange = { context, action: 'list groups' };
  const page = await readPage(instance, calls.listGroups, exchange, cursor, (api, query) =>
    api.groups.all({ ...BY_ID, ...query }),
  );
  return { items: page.items.map(groupOf), nextCursor: page.nextCursor };
}

const SEARCH_PAGES_MAX = 10;

/** GitLab takes digits for an id and follows redirects of renamed groups, so that the path is compared here. */
async function findGroup(
  instance: Instance,
  fullPath: string,
  context: CallContext,
): Promise<RemoteGroup | null> {
  if (fullPath === '' || /(^|\/)\.*(\/|$)/.test(fullPath)) return null;
  if (/^\d+$/.test(fullPath)) return findAmongTopLevel(instance, fullPath, context);
  const found = await readGroup(instance, fullPath, context);
  return found && samePath(found.name, fullPath) ? found : null;
}

async function findAmongTopLevel(
  instance: Instance,
  fullPath: string,
  context: CallContext,
): Promise<RemoteGroup | null> {
  const action = `look up group ${fullPath}`;
  let cursor: string | null = null;
  for (let pages = 0; pages < SEARCH_PAGES_MAX; pages++) {
    const page = await readPage(instance, calls.listGroups, { context, action }, cursor, (api, paging) =>
      api.groups.all({ search: fullPath, topLevelOnly: true, ...paging }),
    );
    const found = page.items.map(groupOf).find(({ name }) => samePath(name, fullPath));
    if (found) return found;
    cursor = page.nextCursor;
    if (cursor === null) return null;
  }
  throw failed(action, 'rejected', `more than ${SEARCH_PAGES_MAX} pages of groups answer the search for it`);
}

async function readGroup(
  instance: Instance,
  idOrPath: string,
  context: CallContext,
): Promise<RemoteGroup | null> {
  const action = `read group ${idOrPath}`;
  const id = /^\d+$/.test(idOrPath) ? idOrPath : undefined;
  const answer = await instance.client.ask(calls.readGroup(id), { context, action }, (api) =>
    api.groups.show(idOrPath, { withProjects: false }),
  );
  if (answer.ok) return groupOf(answer.value);
  if (answer.refusal.gone) return null;
  throw refused({ action, writes: false }, answer.refusal);
}

async function createGroup(
  instance: Instance,
  change: Create<'group'>,
  context: CallContext,
): Promise<Applied<'group'>> {
  const fullPath = change.attributes.name ?? change.identifier;
  const attempt = { action: `create group ${fullPath}`, writes: true };
  const { action } = attempt;
  const parts = fullPath.split('/');
  const path = parts.pop() ?? '';
  const parent = parts.length === 0 ? null : await findGroup(instance, parts.join('/'), context);
  if (parts.length > 0 && !parent)
    throw failed(action, 'rejected', `there is no group ${parts.join('/')} to make it in`);
  const name = nameFor(change.subject.display, path);
  const answer = await instance.client.ask(calls.createGroup, { context, action }, (api) =>
    api.groups.create(name, path, {
      // An owner can open a private group later; what was public once cannot be hidden again.
      visibility: 'private',
      ...(parent ? { parentId: Number(parent.remoteId) } : {}),
    }),
  );
  if (answer.ok) {
    const observed = groupOf(answer.value);
    return { remoteId: observed.remoteId, observed, sent: { name }, outcome: 'done' };
  }
  const { refusal } = answer;
  if (!isGroupPathTaken(refusal)) throw refused(attempt, refusal);
  const isGroup = (await findGroup(instance, fullPath, context)) !== null;
  throw isGroup
    ? refused(attempt, refusal, 'conflict', `GitLab has a group ${fullPath}`)
    : refused(
        attempt,
        refusal,
        'rejected',
        `GitLab has the path ${fullPath} in use, but not as a group: ${refusal.words}`,
      );
}

async function renameGroup(
  instance: Instance,
  change: Update<'group'>,
  context: CallContext,
): Promise<Applied<'group'>> {
  const { remoteId } = change;
  const to = change.attributes.find(({ name }) => name === 'name')?.to;
  if (to === undefined) return { remoteId, outcome: 'already' };
  const action = `rename group ${remoteId}`;
  const name = nameFor(change.subject.display, to.split('/').at(-1) ?? to);
  const answer = await instance.client.ask(calls.editGroup(remoteId), { context, action }, (api) =>
    api.groups.edit(remoteId, { name }),
  );
  if (answer.ok) return { remoteId, outcome: 'done', observed: groupOf(answer.value), sent: { name } };
  const { refusal } = answer;
  if (!isGroupPathTaken(refusal)) throw refused({ action, writes: true }, refusal);
  return {
    remoteId,
    outcome: 'already',
    notAccepted: [{ attribute: 'name', reason: refusal.words, taken: true }],
  };
}

function matchRefusal(within: readonly string[], fullPath: string): string | null {
  const path = fullPath.toLowerCase();
  if (within.length === 0 || within.some((above) => path.startsWith(`${above.toLowerCase()}/`))) return null;
  return `is not below ${within.join(' or ')}, where MATCH_WITHIN lets SCIM groups match`;
}

function samePath(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** The SCIM group's own name where the path was made from it; otherwise the path. */
function nameFor(display: string, path: string): string {
  return groupPath(display) === path.toLowerCase() ? groupName(display) : groupName(path);
}
