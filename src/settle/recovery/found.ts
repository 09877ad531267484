/** What is found done although nobody heard the answer. Calls no vendor. */

import type { Db } from '../../db/open.ts';
import type { Intent } from '../../db/queue/queue.ts';
import { intendedCreations } from '../../db/queue/rechecks.ts';
import type { Op } from '../../model/change.ts';
import type { Attempt } from '../attempt.ts';

/**
 * A creation whose outcome nobody heard may be what is found under the identifier now, although it was not
 * there before; also one for somebody else, who had the identifier until then.
 */
export async function intendedCreation(
  tx: Db,
  { context, task, intent: own }: Attempt,
  identifier: string | null,
): Promise<Intent | null> {
  const others = await intendedCreations(tx, context.store.id, task.subject.kind);
  const intents = own?.ops.includes('create') ? [own, ...others] : others;
  return intents.find((intent) => intent.identifier === identifier) ?? null;
}

/** A change of an earlier attempt of this task: its answer never came, or nobody was left to hear it. */
export async function foundEvent(
  tx: Db,
  attempt: Attempt,
  op: Op,
  display: string,
  after: unknown,
): Promise<void> {
  await attempt.event(tx, {
    kind: `change.${op}`,
    outcome: 'success',
    subject: { ...attempt.task.subject, display },
    reason: 'found done: the answer to an earlier attempt never came',
    after,
  });
}
