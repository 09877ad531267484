/** Changes that are found done although their answer was lost, or that may still arrive. Calls no vendor. */

import { lower } from '../../db/columns.ts';
import type { Db } from '../../db/open.ts';
import type { Intent } from '../../db/queue/queue.ts';
import { intendedCreations, recheckAt } from '../../db/queue/rechecks.ts';
import type { Op } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Attempt } from '../attempt.ts';

/**
 * The creation of unknown outcome that may have made the account under this identifier; it may have been for another
 * person who had the identifier then.
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
 * Waits while an earlier attempt's creation under another identifier may still arrive: the vendor would not refuse a
 * second account under this one. Throws the RemoteError that waits for it.
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

/** The event of a change that an earlier attempt of this task made, and whose answer was lost. */
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
