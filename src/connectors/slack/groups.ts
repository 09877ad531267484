/** Groups at Slack: looked up, read, listed, made, renamed, and deleted where `DELETE_GROUPS` says so. */

import type { Write } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { RemoteGroup } from '../../model/remote.ts';
import type { Applied, CallContext, KindConnector } from '../connector.ts';
import type { ScimClient } from './client.ts';
import { type Refusal, refused } from './errors.ts';
import { GROUP_SCHEMA, normalizeGroup, patchBody, quote, toRemoteGroup } from './mapping.ts';
import { listPage, pathOf, readResource, sameText, search } from './pages.ts';
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
        store: 'Slack',
        action: `delete group ${change.remoteId}`,
        disposition: 'rejected',
        code: 'unsupported',
      });
  }
}

async function createGroup(scim: ScimClient, name: string, context: CallContext): Promise<Applied<'group'>> {
  const action = `create the group ${name}`;
  const body = { schemas: [GROUP_SCHEMA], displayName: name, members: [] };
  const answer = await scim({ method: 'POST', path: 'Groups', body, action }, context);
  if (!answer.ok) throw refused({ action, writes: true }, answer.refusal, takenName(answer.refusal));
  const id = answer.body?.id;
  if (typeof id !== 'string') {
    throw new RemoteError(`Slack did not say which group it made when asked to ${action}`, {
      store: 'Slack',
      action,
      disposition: 'unknownOutcome',
      code: 'unreadable_answer',
    });
  }
  return { remoteId: id, outcome: 'done', observed: toRemoteGroup({ ...answer.body, id }) };
}

async function renameGroup(
  scim: ScimClient,
  remoteId: string,
  name: string,
  context: CallContext,
): Promise<Applied<'group'>> {
  const action = `rename group ${remoteId} to ${name}`;
  const body = patchBody([{ op: 'replace', path: 'displayName', value: name }]);
  const answer = await scim({ method: 'PATCH', path: pathOf('group', remoteId), body, action }, context);
  if (!answer.ok) throw refused({ action, writes: true }, answer.refusal);
  return { remoteId, outcome: 'done' };
}

async function deleteGroup(
  scim: ScimClient,
  remoteId: string,
  context: CallContext,
): Promise<Applied<'group'>> {
  const action = `delete group ${remoteId}`;
  const answer = await scim({ method: 'DELETE', path: pathOf('group', remoteId), action }, context);
  if (answer.ok) return { remoteId, outcome: 'done' };
  const error = refused({ action, writes: true }, answer.refusal);
  if (error.disposition === 'missing') return { remoteId, outcome: 'already' };
  throw error;
}

function takenName(refusal: Refusal): 'conflict' | undefined {
  return refusal.status === 409 || /_(already_exists|taken)$/.test(refusal.code) ? 'conflict' : undefined;
}
