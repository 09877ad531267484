/** Looks for a remote group that an unanswered attempt may have made. Plans and changes nothing there. */

import { getLink, groupLinksByRemoteId, insertLink, type LinkRecord } from '../../db/seen/links.ts';
import { observe } from '../../db/seen/observations.ts';
import type { Attempt } from '../attempt.ts';

/** The group's link, or, in doubt, that of the remote group that was made for it and never heard of. */
export async function linkOfGroup(attempt: Attempt): Promise<LinkRecord | null> {
  const link = await getLink(attempt.deps.db, attempt.context.store.id, attempt.task.subject);
  return link === null && attempt.unknownOutcome ? claimCreated(attempt) : link;
}

/** Whatever became of the SCIM group since: renamed, it is to be renamed there; deleted, it is to be detached. */
async function claimCreated(attempt: Attempt): Promise<LinkRecord | null> {
  const { subject, environmentId } = attempt.task;
  const { intent } = attempt;
  const { connector, store, settings } = attempt.context;
  if (!intent?.ops.includes('create') || intent.identifier === undefined) return null;
  if (settings.groupProvisioning === 'Off') return null;
  const callContext = attempt.looking('find');
  const remote = await connector.find('group', intent.identifier, callContext);
  if (!remote) return null;
  const feeding = await groupLinksByRemoteId(attempt.deps.db, store.id, remote.remoteId);
  if (feeding.length > 0) return null;
  return attempt.record(async (tx) => {
    await observe(tx, store.id, [remote], attempt.now());
    await attempt.foundEvent(tx, 'create', remote.display, { remoteId: remote.remoteId });
    const made = {
      remoteId: remote.remoteId,
      remoteName: remote.name,
      origin: 'created',
      state: 'enabled',
    } as const;
    return insertLink(tx, { environmentId, storeId: store.id, subject, ...made }, attempt.now());
  });
}
