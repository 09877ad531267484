/**
 * A request of many writes announces first from how many people it may take something. Each write commits on its own,
 * so without the announcement the brake would let the first losses pass before the last ones are counted.
 */

import { announceCause, type Reach, withdrawCause } from '../db/queue/causes.ts';
import { isoTime } from '../support/clock.ts';
import { describeOrigin } from './origin.ts';
import { type Directory, inTransaction, type Write } from './write.ts';

/**
 * `reach` is the most that the request may take; each write counts what it really takes as it commits. Answers a
 * function that withdraws the announcement. If the process dies in between, the announcement stays and the brake
 * keeps counting with it. Throws Late.
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
