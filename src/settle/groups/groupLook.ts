/** Looks for a remote group that an unanswered attempt may have made. Plans and changes nothing there. */

import { getLink, groupLinksByRemoteId, insertLink, type LinkRecord } from '../../db/seen/links.ts';
import { observe } from '../../db/seen/observations.ts';
import type { RemoteGroup } from '../../model/remote.ts';
import type { Attempt } from '../attempt.ts';

/** The group's link, or, in doubt, that of the remote group that was made for it and never heard of. */
export async function linkOfGroup(run: Attempt): Promise<LinkRecord | null> {
  const link = await getLink(run.deps.db, run.view.store.id, run.task.subject);
  return link === null && run.doubt ? claimCreated(run) : link;
}

/** Whatever became of the SCIM group since: renamed, it is to be renamed there; deleted, it is to be detached. */
async function claimCreated(run: Attempt): Promise<LinkRecord | null> {
  const { subject, environmentId } = run.task;
  const { intent } = run;
  const { connector, store, settings } = run.view;
  if (!intent?.ops.includes('create') || intent.identifier === undefined) return null;
  if (settings.groupProvisioning === 'Off') return null;
  const context = run.looking('find');
  const remote = (await connector.find('group', intent.identifier, context)) as RemoteGroup | null;
  if (!remote) return null;
  const feeding = await groupLinksByRemoteId(run.deps.db, store.id, remote.remoteId);
  if (feeding.length > 0) return null;
  return run.record(async (tx) => {
    await observe(tx, store.id, [remote], run.now());
    await run.foundEvent(tx, 'create', remote.display, { remoteId: remote.remoteId });
    const made = {
      remoteId: remote.remoteId,
      remoteName: remote.name,
      origin: 'created',
      state: 'enabled',
    } as const;
    return insertLink(tx, { environmentId, storeId: store.id, subject, ...made }, run.now());
  });
}
