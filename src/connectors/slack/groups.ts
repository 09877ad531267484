/** Finds, reads, lists, makes and renames groups at Slack, and deletes them where `DELETE_GROUPS` says so. */

import type { Write } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { RemoteGroup } from '../../model/remote.ts';
import type { Applied, CallContext, KindConnector } from '../connector.ts';
import * as calls from './api/calls.ts';
import type { ScimClient } from './api/client.ts';
import { passes, type Refusal, refused, STORE } from './api/errors.ts';
import { listPage, readResource, sameText, search } from './api/pages.ts';
import { GROUP_SCHEMA, normalizeGroup, quote, toRemoteGroup } from './mapping.ts';
import type { Workspace } from './workspace.ts';

export function slackGroups({ scim, deletesGroups }: Workspace): KindConnector<'group'> {
  return {
    normalize: normalizeGroup,
    async find(name, context) {
      const filter = `displayName eq ${quote(name)}`;
      const action = `find the group ${name}`;
      const matches = (remote: RemoteGroup) => sameText(remote.name, name);
      const wanted = { filter, action, toRemote: toRemoteGroup, matches };
      return (await search(scim, 'group', wanted, context)).found;
    },
    async read(remoteId, context) {
      const resource = await readResource(scim, 'group', remoteId, context);
      return resource && toRemoteGroup(resource);
    },
    scan: (cursor, context) => listPage(scim, 'group', cursor, toRemoteGroup, context),
    apply: (change, context) => apply(scim, deletesGroups, change, context),
  };
}

async function apply(
  scim: ScimClient,
  deletesGroups: boolean,
  change: Write<'group'>,
  context: CallContext,
): Promise<Applied<'group'>> {
  switch (change.op) {
    case 'create':
      return createGroup(scim, change.identifier, context);
    case 'update': {
      const name = change.attributes.find((attribute) => attribute.name === 'name')?.to;
      if (name === undefined) return { remoteId: change.remoteId, outcome: 'already' };
      return renameGroup(scim, change.remoteId, name, context);
    }
    case 'delete':
      if (deletesGroups) return deleteGroup(scim, change.remoteId, context);
      throw new RemoteError(`Group ${change.remoteId} stays at Slack: DELETE_GROUPS is off`, {
        store: STORE,
        action: `delete group ${change.remoteId}`,
        disposition: 'rejected',
        code: 'unsupported',
      });
  }
}

async function createGroup(scim: ScimClient, name: string, context: CallContext): Promise<Applied<'group'>> {
  const action = `create the group ${name}`;
  const body = { schemas: [GROUP_SCHEMA], displayName: name, members: [] };
  const answer = await scim(calls.create('group', body), action, context);
  if (!answer.ok) throw refused({ action, writes: true }, answer.refusal, takenName(answer.refusal));
  const observed = toRemoteGroup(answer.value);
  return { remoteId: observed.remoteId, outcome: 'done', observed };
}

async function renameGroup(
  scim: ScimClient,
  remoteId: string,
  name: string,
  context: CallContext,
): Promise<Applied<'group'>> {
  const action = `rename group ${remoteId} to ${name}`;
  const operation = { op: 'replace', path: 'displayName', value: name } as const;
  const answer = await scim(calls.patch('group', remoteId, [operation]), action, context);
  if (!answer.ok) {
    if (takenName(answer.refusal) === undefined) throw refused({ action, writes: true }, answer.refusal);
    const reason = answer.refusal.description;
    return { remoteId, outcome: 'already', notAccepted: [{ attribute: 'name', reason, taken: true }] };
  }
  return { remoteId, outcome: 'done', ...(answer.value ? { observed: toRemoteGroup(answer.value) } : {}) };
}

async function deleteGroup(
  scim: ScimClient,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'group'>> {
  const action = `delete group ${remoteId}`;
  const answer = await scim(calls.deleteGroup(remoteId), action, context);
  if (answer.ok) return { remoteId, outcome: 'done' };
  if (answer.refusal.gone) return { remoteId, outcome: 'gone' };
  throw refused({ action, writes: true }, answer.refusal);
}

/** Slack documents no code of its own for a taken name. */
function takenName(refusal: Refusal): 'conflict' | undefined {
  if (passes(refusal)) return undefined;
  return refusal.status === 409 || refusal.code === 'group_creation_failed' ? 'conflict' : undefined;
}
