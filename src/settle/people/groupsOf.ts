/** The groups that follow when a person's account changes: who they are, and when they are settled again. */

import type { Db } from '../../db/open.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/tasks.ts';
import { groupsOfAccount } from '../../db/seen/ledger.ts';
import { groupLinksByRemoteIds } from '../../db/seen/links.ts';
import { groupsOfPerson } from '../../db/seen/memberDifferences.ts';
import type { DesiredUser } from '../../model/desired.ts';
import type { Attempt } from '../attempt.ts';
import type { StatusChange } from '../outcome.ts';

/** The groups that want the person, and those whose memberships hang on the account. */
export async function enqueueGroupsOf(tx: Db, attempt: Attempt, remoteId: string | undefined): Promise<void> {
  const { store, settings } = attempt.context;
  if (settings.groupProvisioning === 'Off') return;
  const groupIds = new Set(await groupsOfPerson(tx, attempt.task.subject.id));
  if (remoteId !== undefined) {
    const remoteGroupIds = await groupsOfAccount(tx, store.id, remoteId);
    const feeders = await groupLinksByRemoteIds(tx, store.id, remoteGroupIds);
    for (const [primary] of feeders.values()) if (primary) groupIds.add(primary.subject.id);
  }
  for (const id of groupIds) await enqueueGroup(tx, attempt, id);
}

/** Behind the people of the same cause: where a sync adopts hundreds, each group is planned after them, once. */
export function enqueueGroup(tx: Db, attempt: Attempt, id: string): Promise<void> {
  const { store } = attempt.context;
  return enqueueTask(tx, store.id, {
    environmentId: store.environmentId,
    subject: { kind: 'group', id },
    priority: Math.max(PRIORITY.normal, attempt.task.priority),
    correlationIds: attempt.task.causes,
    at: attempt.now(),
  });
}

/**
 * True where an active person was not as desired before, or may not have been, and something else is said of
 * them now: groups that left them out follow. While the same is said as before they do not, because a group
 * that a rule names asks for its members in its turn, and the two would call for each other without an end.
 */
export function groupsFollow(
  attempt: Attempt,
  { lifecycle }: DesiredUser,
  { before, after }: StatusChange,
): boolean {
  if (lifecycle !== 'active') return false;
  if (attempt.unknownOutcome) return true;
  if (before === null || before.status === 'synced') return false;
  return before.status !== after.status || before.reason !== after.reason;
}
