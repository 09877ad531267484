/** Who follows when a person's account changes: groups, and people who have had to wait for it; and when. */

import type { Db } from '../../db/open.ts';
import { heirsOf } from '../../db/people/namesakes.ts';
import { enqueueForAllStores, enqueueTask, PRIORITY } from '../../db/queue/tasks.ts';
import { groupsAround } from '../../db/seen/groupsAround.ts';
import { groupLinksByRemoteIds } from '../../db/seen/links.ts';
import type { DesiredUser } from '../../model/desired.ts';
import type { Attempt } from '../attempt.ts';
import type { StatusChange } from '../outcome.ts';

/**
 * The groups that want the person, and those whose memberships hang on the account. `people`: whose memberships alone
 * are affected; null where others' may be.
 */
export async function enqueueGroupsOf(
  tx: Db,
  attempt: Attempt,
  remoteId: string | undefined,
  people: readonly string[] | null = null,
): Promise<void> {
  const { store, settings } = attempt.context;
  if (settings.groupProvisioning === 'Off') return;
  const { groupIds: own, remoteGroupIds } = await groupsAround(
    tx,
    store.id,
    attempt.task.subject.id,
    remoteId,
  );
  const groupIds = new Set(own);
  if (remoteGroupIds.length > 0) {
    const feeders = await groupLinksByRemoteIds(tx, store.id, remoteGroupIds);
    for (const [primary] of feeders.values()) if (primary) groupIds.add(primary.subject.id);
  }
  // In one order, so that two attempts never wait for each other's rows.
  for (const id of [...groupIds].sort()) await enqueueGroup(tx, attempt, id, people);
}

/** Behind the people of the same cause: where a sync adopts hundreds, each group is planned after them, once. */
export function enqueueGroup(
  tx: Db,
  attempt: Attempt,
  id: string,
  people: readonly string[] | null = null,
): Promise<void> {
  const { store } = attempt.context;
  return enqueueTask(tx, store.id, {
    environmentId: store.environmentId,
    subject: { kind: 'group', id },
    priority: Math.max(PRIORITY.normal, attempt.task.priority),
    correlationIds: attempt.task.causes,
    at: attempt.now(),
    people,
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

/** The account of the person is not theirs any more: whoever has had to wait because it was may have one now. */
export async function enqueueHeirs(tx: Db, attempt: Attempt): Promise<void> {
  const { environmentId } = attempt.context.store;
  for (const id of await heirsOf(tx, environmentId, attempt.task.subject.id))
    await enqueuePerson(tx, attempt, id);
}

/** On every store. */
export async function enqueuePerson(tx: Db, attempt: Attempt, id: string): Promise<void> {
  await enqueueForAllStores(tx, {
    environmentId: attempt.context.store.environmentId,
    subject: { kind: 'user', id },
    priority: PRIORITY.normal,
    correlationIds: attempt.task.causes,
    at: attempt.now(),
  });
}
