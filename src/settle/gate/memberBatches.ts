/** Which memberships go to the vendor in one call, and what the attempt writes down before it. Calls no vendor. */

import type { Db } from '../../db/open.ts';
import type { Intent } from '../../db/queue/queue.ts';
import type { MembershipChange } from '../../model/change.ts';
import type { Attempt } from '../attempt.ts';
import { type KnownRefusals, wasRefused } from '../groups/refusedMembers.ts';

/** The memberships of one call. */
export type Batch = readonly MembershipChange[];

/** Members whom the vendor refused before come last, so that they split nobody else's batch. */
export function batchesOf(changes: readonly MembershipChange[], known: KnownRefusals, size: number): Batch[] {
  const batches: Batch[] = [];
  for (const isKnown of [false, true]) {
    for (const op of ['grant', 'revoke'] as const) {
      const mine = changes.filter((change) => change.op === op && wasRefused(known, change) === isKnown);
      for (let from = 0; from < mine.length; from += size) batches.push(mine.slice(from, from + size));
    }
  }
  return batches;
}

/**
 * Writes down whom the next call is about, so that a later attempt knows whose memberships may have changed. Forgets
 * the intent where nothing is left to be found.
 */
export async function announceBatch(tx: Db, attempt: Attempt, batch: Batch): Promise<void> {
  const intent = intentOfBatch(batch);
  if (intent === null) return attempt.forgetIntent(tx);
  await attempt.announce(tx, intent);
}

function intentOfBatch(batch: Batch): Intent | null {
  if (batch.length === 0) return null;
  const members = batch.map((change) => change.member.remoteId);
  const ops = [...new Set(batch.map(({ op }) => op))];
  return { ops, attributes: {}, members };
}

/** What the gate writes down when it lets these changes through: the first batch of them. */
export function firstIntent(
  { context }: Attempt,
  changes: readonly MembershipChange[],
  known: KnownRefusals,
): Intent | null {
  const [first = []] = batchesOf(changes, known, context.connector.capabilities.membersPerCallMax);
  return intentOfBatch(first);
}
