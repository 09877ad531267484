/** What is found done although nobody heard the answer, or may still be. Calls no vendor. */

import { lower } from '../../db/columns.ts';
import type { Db } from '../../db/open.ts';
import type { Intent } from '../../db/queue/queue.ts';
import { intendedCreations, recheckAt } from '../../db/queue/rechecks.ts';
import type { Op } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
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

/**
 * No vendor refuses a second account or group under another identifier: nothing is made under this one while what an
 * earlier attempt wanted to make under another may still arrive. Throws the RemoteError that waits for it.
 */
export async function letCreationArrive(attempt: Attempt, identifier: string): Promise<void> {
  const { db, deps, intent, task, context } = attempt;
  const earlier = intent?.ops.includes('create') ? intent.identifier : undefined;
  if (earlier === undefined || lower(earlier) === lower(identifier)) return;
  const { store } = context;
  const at = await recheckAt(db, store.id, task.subject);
  const retryAfterMs = at === null ? 0 : Date.parse(at) - deps.clock.now();
  if (retryAfterMs <= 0) return;
  throw new RemoteError(
    `${store.name} may still make ${earlier}, of which no answer came; ${identifier} waits until ${at}`,
    {
      ...{ store: store.type, action: `create ${task.subject.kind} ${identifier}` },
      ...{ disposition: 'waits', code: 'may_arrive', retryAfterMs },
    },
  );
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
