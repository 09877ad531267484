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
 * it commits. A process that dies in between leaves the announcement, and the brake goes on judging by it.
 */
export async function announced<T>(
  directory: Directory,
  write: Pick<Write, 'cause' | 'origin'>,
  people: number,
  body: () => Promise<T>,
): Promise<T> {
  if (people < 2) return body();
  const { correlationId } = write.cause;
  const at = isoTime(directory.clock.now());
  const description = describeOrigin(write.origin);
  await inTransaction(directory, (tx) => announceCause(tx, { correlationId, description, people, at }));
  const answer = await body();
  await inTransaction(directory, (tx) => withdrawCause(tx, correlationId));
  return answer;
}
