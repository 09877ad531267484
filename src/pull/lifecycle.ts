/** A pulled connection's standing as a peer: what a check, or a refused credential, makes of it. */

import { appendEvent } from '../db/events.ts';
import type { Db } from '../db/open.ts';
import { getPulled, lockPulled, type PulledRecord, updatePulled } from '../db/pull/connections.ts';
import type { Inquiry } from '../db/queue/inquiries.ts';
import { type Cause, SYSTEM } from '../model/cause.ts';
import type { RemoteError } from '../model/errors.ts';
import type { Pause } from '../model/peer.ts';
import { type Check, checkConnection, refusalCode } from '../stores/check.ts';
import { afterCheck, BY_ADMIN, isPausedByAdmin, pausedForNow } from '../stores/peerState.ts';
import type { VendorAnswer } from '../stores/vendorAnswer.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import type { PullDeps } from './deps.ts';
import { checkFeed } from './enrichment/feed.ts';
import type { SourceCache } from './sourceCache.ts';

/** Asks the source; of a connection that takes what a store has seen, the store's own standing says it. */
export async function checkPulled(
  { db, cache }: Pick<PullDeps, 'db' | 'cache'>,
  record: PulledRecord,
  trial: Parameters<SourceCache['sourceOnTrial']>[1] | null,
  ends: AbortSignal,
): Promise<Check> {
  const definition = cache.definitionOf(record.type);
  const byFeed = await checkFeed(db, record, (trial ?? record).configuration, definition);
  if (byFeed) return byFeed;
  const source = trial ? cache.sourceOnTrial(record, trial) : cache.sourceFor(record);
  return checkConnection({ type: definition.vendor, check: (context) => source.check(context) }, ends);
}

/** Puts the question of an inquiry to the source, for a worker. */
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

/** The source refuses the credential: no run begins until a check is good. */
export async function pausePulled(
  deps: Pick<PullDeps, 'db' | 'clock'>,
  id: string,
  error: RemoteError,
): Promise<void> {
  await change(deps, id, { correlationId: newId(), actor: SYSTEM }, (current, now) =>
    pausedForNow(current, { code: refusalCode(error.code), message: error.message }, now),
  );
}

/** What a check means for the connection. Answers it as it is now. */
export function settlePulledCheck(
  deps: Pick<PullDeps, 'db' | 'clock'>,
  id: string,
  check: Check,
  cause: Cause,
): Promise<PulledRecord | null> {
  return change(deps, id, cause, (current, now) =>
    isPausedByAdmin(current) && cause.actor.type === 'system' ? current : afterCheck(current, check, now),
  );
}

async function change(
  { db, clock }: Pick<PullDeps, 'db' | 'clock'>,
  id: string,
  cause: Cause,
  decide: (current: PulledRecord, nowMs: number) => PulledRecord,
): Promise<PulledRecord | null> {
  return db.transaction(async (tx) => {
    const current = await lockPulled(tx, id);
    if (!current) return null;
    const now = clock.now();
    const next = decide(current, now);
    await updatePulled(tx, next);
    await sayPause(tx, isoTime(now), next, cause, current.paused);
    return next;
  });
}

/** Said once, when a directory that could be read until then cannot be read: alerts tell people of it. */
export async function sayFailure(
  tx: Db,
  at: string,
  { id, name, environmentId, lastSync }: PulledRecord,
  cause: Cause,
  reason: string,
): Promise<void> {
  if (lastSync?.status === 'FAILED') return;
  await appendEvent(tx, at, {
    ...{ environmentId, cause, kind: 'connection.failed', outcome: 'failure' },
    reason: `${name} cannot be read: ${reason}`,
    after: { id, name },
  });
}

/** A pause that only goes on gets no event. */
export async function sayPause(
  tx: Db,
  at: string,
  record: PulledRecord,
  cause: Cause,
  before: Pause | null,
): Promise<void> {
  if (record.paused?.code === before?.code) return;
  const { id, name, environmentId, paused, retryAt } = record;
  if (paused && paused.code !== BY_ADMIN) await sayFailure(tx, at, record, cause, paused.message);
  await appendEvent(tx, at, {
    ...{
      environmentId,
      cause,
      kind: paused ? 'connection.paused' : 'connection.resumed',
      outcome: 'success',
    },
    after: { id, name, ...(paused ? { code: paused.code, retryAt } : {}) },
    ...(paused ? { reason: paused.message } : {}),
  });
}
