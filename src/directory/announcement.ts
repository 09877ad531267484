/**
 * A request of many writes announces at its beginning from how many people it could take something: each
 * write commits on its own, and the brake must not let the first losses pass before the last are counted.
 */

import { announceCause, type Reach, withdrawCause } from '../db/queue/causes.ts';
import { isoTime } from '../support/clock.ts';
import { describeOrigin } from './origin.ts';
import { type Directory, inTransaction, type Write } from './write.ts';

/**
 * `reach` is the most that the request could take; what each write really takes is counted as
 * it commits. Answers what withdraws the announcement. A process that dies in between leaves it, and the brake
 * goes on judging by it. Throws Late.
 */
export async function announce(
  directory: Directory,
  write: Pick<Write, 'cause' | 'origin' | 'deadline'>,
  reach: Reach,
): Promise<() => Promise<void>> {
  if (reach.people < 2 && reach.identities < 2) return async () => {};
  const { correlationId } = write.cause;
  const at = isoTime(directory.clock.now());
  const cause = { correlationId, description: describeOrigin(write.origin), at };
  await inTransaction(directory, write, (tx) => announceCause(tx, cause, reach));
  return () => inTransaction(directory, {}, (tx) => withdrawCause(tx, correlationId));
}
