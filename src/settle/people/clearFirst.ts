/**
 * Before the bridge enables an account for a person, it asks the account's groups to take away memberships that
 * nobody wants any more: the account may have been somebody else's, or this person's of long ago. What the vendor
 * refuses is still owed afterwards.
 */

import type { Db } from '../../db/open.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import { markGroupsAsked } from '../../db/queue/queue.ts';
import { taskOf } from '../../db/queue/tasks.ts';
import { groupsOfAccount } from '../../db/seen/groupsAround.ts';
import { membersAmong } from '../../db/seen/memberDifferences.ts';
import type { UserChange } from '../../model/change.ts';
import type { Attempt } from '../attempt.ts';
import { feedersOf } from '../groups/look.ts';
import type { PersonFacts } from './look.ts';

export interface Clearing {
  /** The changes that may go now. */
  readonly changes: readonly UserChange[];
  /** The SCIM groups that the person waits for; none where the changes may go. */
  readonly groupIds: readonly string[];
}

/** The time between two looks at the groups, and the longest time that the person waits for them. */
export const CLEARING_LOOK_MS = 250;
const CLEARING_MAX_MS = 60_000;

export async function clearFirst(
  attempt: Attempt,
  { desired }: PersonFacts,
  changes: readonly UserChange[],
): Promise<Clearing> {
  const at = changes.findIndex(({ op }) => op === 'enable');
  const enable = changes[at];
  if (enable?.op !== 'enable' || attempt.context.settings.groupProvisioning === 'Off')
    return { changes, groupIds: [] };
  const groupIds = await groupsToClear(attempt, enable.remoteId, desired.id);
  const waits = attempt.task.groupsAskedAt === null ? groupIds.length > 0 : await areDue(attempt, groupIds);
  return waits ? { changes: changes.slice(0, at), groupIds } : { changes, groupIds: [] };
}

/**
 * The primary feeders of remote groups in which the account has a membership that the bridge granted and no group
 * wants.
 */
async function groupsToClear(
  attempt: Attempt,
  remoteId: string,
  personId: string,
): Promise<readonly string[]> {
  const { db, context } = attempt;
  const feeders = await feedersOf(attempt, await groupsOfAccount(db, context.store.id, remoteId));
  const found: string[] = [];
  for (const { links, feeding } of feeders.values()) {
    const wanted = await membersAmong(
      db,
      feeding.map(({ groupId }) => groupId),
      [personId],
    );
    const [primary] = links;
    if (primary && !wanted.has(personId)) found.push(primary.subject.id);
  }
  return found;
}

/**
 * Whether the groups were asked and have yet to be settled. The person does not wait for a group that is held or
 * waits for something else.
 */
async function areDue({ db, context, task, deps }: Attempt, groupIds: readonly string[]): Promise<boolean> {
  const since = Date.parse(task.groupsAskedAt ?? '');
  if (deps.clock.now() - since > CLEARING_MAX_MS) return false;
  for (const id of groupIds) {
    const group = await taskOf(db, context.store.id, { kind: 'group', id });
    if (group?.state === 'pending' && group.attempts === 0 && Date.parse(group.runAt) <= deps.clock.now())
      return true;
  }
  return false;
}

/** Part of the transaction that concludes the attempt. */
export async function askToClear(tx: Db, attempt: Attempt, groupIds: readonly string[]): Promise<void> {
  const { context, task } = attempt;
  if (task.groupsAskedAt !== null) return;
  for (const id of groupIds)
    await enqueueTask(tx, context.store.id, {
      environmentId: task.environmentId,
      subject: { kind: 'group', id },
      priority: PRIORITY.awaited,
      correlationIds: task.causes,
      at: attempt.now(),
    });
  await markGroupsAsked(tx, task.id, attempt.now());
}
