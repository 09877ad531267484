/**
 * A request of many writes says at its beginning how many people it could take something from: each write
 * commits for itself, and the worker must not let the first losses pass before the last are counted.
 */

import { announceCause, withdrawCause } from '../db/queue/tasks.ts';
import { isoTime } from '../support/clock.ts';
import { describeOrigin } from './origin.ts';
import { type Directory, inTransaction, type Write } from './write.ts';

/**
 * `people`: at most so many; what each write really takes is counted as it commits. A process that dies
 * meanwhile leaves the announcement, so that what was committed stays judged by it.
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
