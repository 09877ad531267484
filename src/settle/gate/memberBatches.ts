/** Which memberships go to the vendor in one call, and what is written down before it. Calls no vendor. */

import type { Db } from '../../db/open.ts';
import type { Intent } from '../../db/queue/queue.ts';
import type { MembershipChange } from '../../model/change.ts';
import type { Attempt } from '../attempt.ts';
import { type KnownRefusals, wasRefused } from '../groups/refusedMembers.ts';

/** The memberships of one call. */
export type Batch = readonly MembershipChange[];

/** Whom the vendor refused before comes last, so that nobody else is split off for their sake. */
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
 * Notes whom the next call is about, so that whoever finds the note knows whose memberships those are; of nobody that
 * nothing is left to be found.
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

/** What a gate announces that lets these changes through: the first batch of them. */
export function firstIntent(
  { context }: Attempt,
  changes: readonly MembershipChange[],
  known: KnownRefusals,
): Intent | null {
  const [first = []] = batchesOf(changes, known, context.connector.capabilities.membersPerCallMax);
  return intentOfBatch(first);
}
