/**
 * Finds a remote group that an earlier attempt may have made for a SCIM group without an answer. Reads the vendor and
 * writes nothing.
 */

import { draftLink, groupLinksByRemoteId } from '../../db/seen/links.ts';
import type { Attempt } from '../attempt.ts';
import type { GroupLinkSight } from '../groups/look.ts';

/**
 * It looks for it even where the SCIM group changed since: a renamed one must be renamed there, and a deleted one
 * detached.
 */
export async function recoverGroup(attempt: Attempt): Promise<GroupLinkSight> {
  const { subject, environmentId } = attempt.task;
  const { intent } = attempt;
  const { connector, store, settings } = attempt.context;
  if (!intent?.ops.includes('create') || intent.identifier === undefined) return { link: null };
  if (settings.groupProvisioning === 'Off') return { link: null };
  const callContext = attempt.looking('find');
  const remote = await connector.find('group', intent.identifier, callContext);
  if (!remote) return { link: null };
  const feeding = await groupLinksByRemoteId(attempt.db, store.id, remote.remoteId);
  if (feeding.length > 0) return { link: null };
  const { remoteId, name: remoteName } = remote;
  const made = { remoteId, remoteName, origin: 'created', state: 'enabled' } as const;
  const link = draftLink({ environmentId, storeId: store.id, subject, ...made }, attempt.now());
  return {
    link,
    repairs: [
      { kind: 'observe', remote },
      { kind: 'claim', link, before: null, remote },
    ],
  };
}
