/** Records the state of a pulled connection after a check, or after the source refused its credential. */

import { appendEvent } from '../db/events.ts';
import type { Db } from '../db/open.ts';
import { getPulled, lockPulled, type PulledRecord, updatePulled } from '../db/pull/connections.ts';
import { lastEndings } from '../db/pull/runs.ts';
import type { Inquiry } from '../db/queue/inquiries.ts';
import { type Cause, SYSTEM } from '../model/cause.ts';
import type { RemoteError } from '../model/errors.ts';
import type { Pause } from '../model/peer.ts';
import { type Check, checkConnection, refusalCode } from '../stores/check.ts';
import { afterCheck, BY_ADMIN, isPausedByAdmin, pausedForNow } from '../stores/peerState.ts';
import type { InquiryAnswer } from '../stores/vendorAnswer.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import type { PullDeps } from './deps.ts';
import { checkFeed } from './enrichment/feed.ts';
import { listGroups } from './listGroups.ts';
import type { SourceCache } from './sourceCache.ts';

/** Checks the source. For a connection that uses the accounts of a store, the store's own state is the answer. */
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

/** A worker asks the source the question of an inquiry. */
export async function askSource(
  { db, cache }: Pick<PullDeps, 'db' | 'cache'>,
  { peerId, question, secrets }: Pick<Inquiry, 'peerId' | 'question' | 'secrets'>,
  ends: AbortSignal,
): Promise<InquiryAnswer> {
  const record = await getPulled(db, peerId);
  if (!record || question.kind === 'read') return { outcome: 'gone' };
  if (question.kind === 'groups') {
    const { vendor } = cache.definitionOf(record.type);
    return listGroups(record, vendor, cache.sourceFor(record), question.wanted, ends);
  }
  const { trial } = question;
  const asked = trial ? { configuration: trial.configuration, secrets } : null;
  return checkPulled({ db, cache }, record, asked, ends);
}

/**
 * Pauses the connection because the source refused the credential: no run begins until a check succeeds. A pause by an
 * admin stays theirs.
 */
export async function pausePulled(
  deps: Pick<PullDeps, 'db' | 'clock'>,
  id: string,
  error: RemoteError,
): Promise<void> {
  await change(deps, id, { correlationId: newId(), actor: SYSTEM }, (current, now) =>
    isPausedByAdmin(current)
      ? current
      : pausedForNow(current, { code: refusalCode(error.code), message: error.message }, now),
  );
}

/** Records what a check means for the connection. Answers the connection as it is now. */
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

/** Writes an event the first time that a directory cannot be read; alerts tell people about it. */
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

/** After this many runs in a row that were partial, or after two if a day is between them, people are told. */
const PARTIAL_IN_A_ROW = 3;
const DAY_MS = 24 * 60 * 60_000;

/** Writes an event once the runs over a directory stay partial, so that nobody takes its leavers for gone. */
export async function sayPartial(
  tx: Db,
  at: string,
  { id, name, environmentId }: PulledRecord,
  cause: Cause,
  error: string | null,
): Promise<void> {
  const endings = await lastEndings(tx, id, PARTIAL_IN_A_ROW + 1);
  const complete = endings.findIndex(({ state }) => state !== 'PARTIAL');
  const partial = complete === -1 ? endings : endings.slice(0, complete);
  if (!lasts(partial) || lasts(partial.slice(1))) return;
  await appendEvent(tx, at, {
    ...{ environmentId, cause, kind: 'connection.partial', outcome: 'failure' },
    reason: `${name} has been read only in part, ${partial.length} times in a row: whoever is missing from it keeps everything, also if they have left. ${error ?? ''} Give the bridge's account the right to see all of them, or correct what cannot be read; then sync again.`,
    after: { id, name },
  });
}

function lasts(partial: readonly { readonly at: string }[]): boolean {
  const [newest, ...others] = partial;
  const oldest = others.at(-1);
  if (!newest || !oldest) return false;
  return partial.length >= PARTIAL_IN_A_ROW || Date.parse(newest.at) - Date.parse(oldest.at) >= DAY_MS;
}

/** Writes an event for a pause that begins, and none for one that goes on. */
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
