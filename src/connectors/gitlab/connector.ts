/** The connector of self-managed GitLab instances: puts its rooms together behind the contract. */

import type { Change, MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Page, Remote } from '../../model/remote.ts';
import type { Kind } from '../../model/subject.ts';
import type { Applied, CallContext, Connector, ConnectorDeps, MemberOutcome } from '../connector.ts';
import { checkConnection } from './check.ts';
import { createClient, type GitLabClient } from './client.ts';
import { isKeysetUnknown, STORE } from './errors.ts';
import { createGroups, type GroupRoom } from './groups.ts';
import { groupOf, normalize, userOf } from './mapping.ts';
import { readPage } from './pages.ts';
import { createPeople, type People } from './people.ts';
import { GITLAB_CAPABILITIES, type GitLabSettings, gitLabSettings } from './settings.ts';

export function createGitLabConnector(deps: ConnectorDeps): Connector {
  const settings = gitLabSettings(deps);
  const client = createClient(settings, deps);
  const people = createPeople(client, settings);
  const groups = createGroups(client, settings);
  return {
    type: STORE,
    capabilities: GITLAB_CAPABILITIES,
    memberLevel: settings.defaultAccessLevel,
    normalize: (desired) => normalize(desired, settings),
    check: (context) => checkConnection(client, settings, context),
    find: (kind, identifier, context) => (kind === 'user' ? people : groups).find(identifier, context),
    read: (kind, remoteId, context) => (kind === 'user' ? people : groups).read(remoteId, context),
    scan: (kind, cursor, context) => scan(client, settings, kind, cursor, context),
    members: (remoteGroupId, cursor, context) => groups.members(remoteGroupId, cursor, context),
    apply: (change, context) =>
      change.subject.kind === 'user'
        ? applyToUser(people, change, context)
        : applyToGroup(groups, change, context),
    applyMembers: (changes, context) => applyMembers(groups, changes, context),
  };
}

function applyToUser(
  people: People,
  change: Exclude<Change, MembershipChange>,
  context: CallContext,
): Promise<Applied> {
  switch (change.op) {
    case 'create':
      return people.create(change, context);
    case 'adopt':
      return Promise.resolve({ remoteId: change.remoteId, outcome: 'done' });
    case 'update':
      return people.update(change, context);
    case 'enable':
      return people.enable(change.remoteId, context);
    case 'disable':
      return people.disable(change.remoteId, context);
    case 'delete':
      return people.remove(change.remoteId, context);
  }
}

async function applyToGroup(
  groups: GroupRoom,
  change: Exclude<Change, MembershipChange>,
  context: CallContext,
): Promise<Applied> {
  switch (change.op) {
    case 'create':
      return groups.create(change, context);
    case 'adopt':
      return { remoteId: change.remoteId, outcome: 'done' };
    case 'update':
      return groups.rename(change, context);
    default: {
      const action = `${change.op} group ${change.remoteId}`;
      throw new RemoteError(`the bridge does not ${change.op} groups on GitLab`, {
        store: STORE,
        action,
        disposition: 'rejected',
        code: 'not_supported',
      });
    }
  }
}

async function applyMembers(
  groups: GroupRoom,
  changes: readonly MembershipChange[],
  context: CallContext,
): Promise<readonly MemberOutcome[]> {
  const [change] = changes;
  if (!change) return [];
  if (changes.length > GITLAB_CAPABILITIES.membersPerCallMax) {
    throw new Error(`GitLab takes one member a call, not ${changes.length}`);
  }
  return [await (change.op === 'grant' ? groups.grant : groups.revoke)(change, context)];
}

/** Oldest first, so that what is made during a scan comes at its end and shifts nothing. */
const BY_ID = { orderBy: 'id', sort: 'asc' } as const;

async function scan(
  client: GitLabClient,
  settings: GitLabSettings,
  kind: Kind,
  cursor: string | null,
  context: CallContext,
): Promise<Page<Remote>> {
  if (kind === 'group') {
    const page = await readPage(client, settings, { context, action: 'list groups' }, cursor, (api, paging) =>
      api.groups.all({ ...BY_ID, ...paging }),
    );
    return { items: page.items.map(groupOf), nextCursor: page.nextCursor };
  }
  const listUsers = (from: string | null, paging: Readonly<Record<string, unknown>>) =>
    readPage(client, settings, { context, action: 'list users' }, from, (api, query) => {
      // @gitbeaker's type does not know that people can be ordered by id.
      const all: Record<string, unknown> = { ...BY_ID, ...paging, ...query, excludeInternal: true };
      return api.users.all(all);
    });
  let page: Awaited<ReturnType<typeof listUsers>>;
  try {
    page = await listUsers(cursor, cursor === null ? { pagination: 'keyset' } : {});
  } catch (error) {
    if (cursor !== null || !isKeysetUnknown(error)) throw error;
    page = await listUsers('page:1', {});
  }
  return { items: page.items.map((row) => userOf(row, settings)), nextCursor: page.nextCursor };
}
