/** Puts the question of an inquiry to the source of a pulled connection, for a worker. Reads there, and writes nowhere. */

import { getPulled } from '../db/pull/connections.ts';
import type { Inquiry } from '../db/queue/inquiries.ts';
import type { VendorAnswer } from '../stores/vendorAnswer.ts';
import type { PullDeps } from './deps.ts';
import { checkPulled } from './lifecycle.ts';

export async function askSource(
  { db, cache }: Pick<PullDeps, 'db' | 'cache'>,
  { peerId, question, secrets }: Pick<Inquiry, 'peerId' | 'question' | 'secrets'>,
  ends: AbortSignal,
): Promise<VendorAnswer> {
  const record = await getPulled(db, peerId);
  if (!record || question.kind !== 'check') return { outcome: 'gone' };
  const { trial } = question;
  const asked = trial ? { configuration: trial.configuration, secrets } : null;
  return checkPulled({ db, cache }, record, asked, ends);
}
