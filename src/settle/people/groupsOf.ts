/** Which groups and people must be settled again when a person's account changes, and when. */

import type { Db } from '../../db/open.ts';
import { heirsOf } from '../../db/people/namesakes.ts';
import { enqueueForAllStores, enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import { groupsAround } from '../../db/seen/groupsAround.ts';
import { groupLinksByRemoteIds } from '../../db/seen/links.ts';
import type { DesiredUser } from '../../model/desired.ts';
import type { Attempt } from '../attempt.ts';
import type { StatusChange } from '../outcome.ts';

/**
 * Queues the groups that want the person, and those in which the account is a member. `people`: the only people whose
 * memberships are affected; null where others' may be.
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
  // Always in the same order, so that two attempts never wait for each other's rows.
  for (const id of [...groupIds].sort()) await enqueueGroup(tx, attempt, id, people);
}

/**
 * Queues the group behind the people of the same cause. Where a sync adopts hundreds of people, each group is planned
 * once, after them.
 */
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
 * Whether the groups that left out an active person follow now: the person was not in sync before, or may not have
 * been, and the status has changed. With the same status they do not follow. Otherwise a group that a rule names,
 * which queues its members in turn, and those members would queue each other for ever.
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

/** The person no longer has the account. Queues the people who had to wait because of it. */
export async function enqueueHeirs(tx: Db, attempt: Attempt): Promise<void> {
  const { environmentId } = attempt.context.store;
  for (const id of await heirsOf(tx, environmentId, attempt.task.subject.id))
    await enqueuePerson(tx, attempt, id);
}

/** Queues the person on every store. */
export async function enqueuePerson(tx: Db, attempt: Attempt, id: string): Promise<void> {
  await enqueueForAllStores(tx, {
    environmentId: attempt.context.store.environmentId,
    subject: { kind: 'user', id },
    priority: PRIORITY.normal,
    correlationIds: attempt.task.causes,
    at: attempt.now(),
  });
}
