/** Puts the question of an inquiry to the source of a pulled connection, for a worker. Reads there, and writes nowhere. */

import { getPulled } from '../db/pull/connections.ts';
import type { Inquiry } from '../db/queue/inquiries.ts';
import type { VendorAnswer } from '../stores/vendorAnswer.ts';
import type { PullDeps } from './deps.ts';
import { checkSource } from './lifecycle.ts';

export async function askSource(
  { db, cache }: Pick<PullDeps, 'db' | 'cache'>,
  { peerId, question, secrets }: Pick<Inquiry, 'peerId' | 'question' | 'secrets'>,
  ends: AbortSignal,
): Promise<VendorAnswer> {
  const record = await getPulled(db, peerId);
  if (!record || question.kind !== 'check') return { outcome: 'gone' };
  const { vendor } = cache.definitionOf(record.type);
  const { trial } = question;
  const source = trial
    ? cache.sourceOnTrial(record, { configuration: trial.configuration, secrets })
    : cache.sourceFor(record);
  return checkSource(source, vendor, ends);
}
