/**
 * A request of many writes announces at its beginning from how many people it could take something: each
 * write commits on its own, and the brake must not let the first losses pass before the last are counted.
 */

import { announceCause, withdrawCause } from '../db/queue/tasks.ts';
import { isoTime } from '../support/clock.ts';
import { describeOrigin } from './origin.ts';
import { type Directory, inTransaction, type Write } from './write.ts';

/**
 * `people` is the most that the request could take something from; what each write really takes is counted as
 * it commits. Answers what withdraws the announcement. A process that dies in between leaves it, and the brake
 * goes on judging by it. Throws Late.
 */
export async function announce(
  directory: Directory,
  write: Pick<Write, 'cause' | 'origin' | 'deadline'>,
  people: number,
): Promise<() => Promise<void>> {
  if (people < 2) return async () => {};
  const { correlationId } = write.cause;
  const at = isoTime(directory.clock.now());
  const cause = { correlationId, description: describeOrigin(write.origin), people, at };
  await inTransaction(directory, write, (tx) => announceCause(tx, cause));
  return () => inTransaction(directory, {}, (tx) => withdrawCause(tx, correlationId));
}
