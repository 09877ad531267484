/** The connector of self-managed GitLab instances: the contract on one side, GitLab's rooms on the other. */

import type { Change, MembershipChange } from '../../model/change.ts';
import type { Page, Remote } from '../../model/remote.ts';
import type { Kind } from '../../model/subject.ts';
import type { Applied, CallContext, Connector, ConnectorDeps, MemberOutcome } from '../connector.ts';
import { checkConnection } from './check.ts';
import { createClient, type Instance } from './client.ts';
import { failed, isKeysetUnknown, STORE } from './errors.ts';
import { createGroup, findGroup, readGroup, renameGroup } from './groups.ts';
import { groupOf, normalize, userOf } from './mapping.ts';
import { grant, listMembers, revoke } from './members.ts';
import { type Row, readPage } from './pages.ts';
import { GITLAB_CAPABILITIES, gitLabSettings } from './settings.ts';
import { deleteUser, disableUser, enableUser, findUser, readUser } from './users.ts';
import { createUser, updateUser } from './userWrites.ts';

type AccountOrGroupChange = Exclude<Change, MembershipChange>;

export function createGitLabConnector(deps: ConnectorDeps): Connector {
  const settings = gitLabSettings(deps);
  const instance: Instance = { client: createClient(settings, deps), settings };
  return {
    type: STORE,
    capabilities: GITLAB_CAPABILITIES,
    memberLevel: settings.defaultAccessLevel,
    normalize: (desired) => normalize(desired, settings),
    check: (context) => checkConnection(instance, context),
    find: (kind, identifier, context) =>
      (kind === 'user' ? findUser : findGroup)(instance, identifier, context),
    read: (kind, remoteId, context) => (kind === 'user' ? readUser : readGroup)(instance, remoteId, context),
    scan: (kind, cursor, context) => scan(instance, kind, cursor, context),
    members: (remoteGroupId, cursor, context) => listMembers(instance, remoteGroupId, cursor, context),
    apply: (change, context) =>
      (change.subject.kind === 'user' ? applyToUser : applyToGroup)(instance, change, context),
    applyMembers: (changes, context) => applyMembers(instance, changes, context),
  };
}

async function applyToUser(
  instance: Instance,
  change: AccountOrGroupChange,
  context: CallContext,
): Promise<Applied> {
  switch (change.op) {
    case 'create':
      return createUser(instance, change, context);
    case 'adopt':
      return { remoteId: change.remoteId, outcome: 'done' };
    case 'update':
      return updateUser(instance, change, context);
    case 'enable':
      return enableUser(instance, change.remoteId, context);
    case 'disable':
      return disableUser(instance, change.remoteId, context);
    case 'delete':
      return deleteUser(instance, change.remoteId, context);
  }
}

async function applyToGroup(
  instance: Instance,
  change: AccountOrGroupChange,
  context: CallContext,
): Promise<Applied> {
  switch (change.op) {
    case 'create':
      return createGroup(instance, change, context);
    case 'adopt':
      return { remoteId: change.remoteId, outcome: 'done' };
    case 'update':
      return renameGroup(instance, change, context);
    default:
      throw failed(
        `${change.op} group ${change.remoteId}`,
        'rejected',
        `the bridge does not ${change.op} groups on GitLab`,
      );
  }
}

async function applyMembers(
  instance: Instance,
  changes: readonly MembershipChange[],
  context: CallContext,
): Promise<readonly MemberOutcome[]> {
  const [change] = changes;
  if (!change) return [];
  if (changes.length > GITLAB_CAPABILITIES.membersPerCallMax) {
    throw new Error(`GitLab takes one member a call, not ${changes.length}`);
  }
  return [await (change.op === 'grant' ? grant : revoke)(instance, change, context)];
}

async function scan(
  instance: Instance,
  kind: Kind,
  cursor: string | null,
  context: CallContext,
): Promise<Page<Remote>> {
  const page = kind === 'user' ? scanUsers(instance, cursor, context) : scanGroups(instance, cursor, context);
  const { items, nextCursor } = await page;
  const remoteOf = (row: Row) => (kind === 'user' ? userOf(row, instance.settings) : groupOf(row));
  return { items: items.map(remoteOf), nextCursor };
}

/** Oldest first, so that what is made during a scan comes at its end and shifts nothing. */
const BY_ID = { orderBy: 'id', sort: 'asc' } as const;

function scanGroups(instance: Instance, cursor: string | null, context: CallContext): Promise<Page<Row>> {
  return readPage(instance, { context, action: 'list groups' }, cursor, (api, query) =>
    api.groups.all({ ...BY_ID, ...query }),
  );
}

async function scanUsers(
  instance: Instance,
  cursor: string | null,
  context: CallContext,
): Promise<Page<Row>> {
  const list = (from: string | null, paging: Readonly<Record<string, unknown>>) =>
    readPage(instance, { context, action: 'list users' }, from, (api, query) => {
      // GitLab's own accounts (ghost, alert-bot, …) are nobody's. That people can be ordered by id,
      // @gitbeaker's type does not know.
      const all: Record<string, unknown> = { ...BY_ID, ...paging, ...query, excludeInternal: true };
      return api.users.all(all);
    });
  if (cursor !== null) return list(cursor, {});
  try {
    return await list(null, { pagination: 'keyset' });
  } catch (error) {
    if (isKeysetUnknown(error)) return list('page:1', {});
    throw error;
  }
}
