/** Starts runs on demand, and pauses and resumes a pulled connection. */

import type { PulledRecord } from '../../db/pull/connections.ts';
import { lockPulled, updatePulled } from '../../db/pull/connections.ts';
import { hasPassedDate } from '../../db/pull/records.ts';
import type { PullRun } from '../../db/pull/runs.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import { sayPause, settlePulledCheck } from '../../pull/lifecycle.ts';
import { modeDue } from '../../pull/schedule.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { BY_ADMIN } from '../../stores/peerState.ts';
import { isoTime } from '../../support/clock.ts';
import { queueRun } from './connections.ts';

export interface SyncWanted {
  readonly full: boolean;
  readonly preview: boolean;
  readonly day: number | null;
}

/** Throws a 409 while the connection is STAGED or paused, or a run is under way. */
export async function startPull(
  deps: PropagationDeps,
  record: PulledRecord,
  { full, preview, day }: SyncWanted,
  cause: Cause,
): Promise<PullRun> {
  if (record.status === 'STAGED')
    throw new RequestError(409, `The connection ${record.name} is STAGED: activate it first.`);
  if (record.paused)
    throw new RequestError(409, `The connection ${record.name} is PAUSED: ${record.paused.message}`);
  if (day !== null && record.type !== 'demo')
    throw new RequestError(400, 'Only the demo directory has days.', [
      { pointer: '/day', detail: `day is not for connections of strategy ${record.type}` },
    ]);
  // Only the source knows whether it can tell what changed; if it cannot, a delta becomes a full run.
  const now = deps.clock.now();
  const isFull = full || day !== null || (await hasPassedDate(deps.db, record.id, isoTime(now)));
  const mode = preview ? 'preview' : isFull ? 'full' : modeDue(record, true, now);
  return queueRun(deps, record, { mode, day }, cause);
}

export async function pausePulledByAdmin(
  deps: PropagationDeps,
  { id }: PulledRecord,
  cause: Cause,
): Promise<void> {
  await transact(deps.db, async (tx) => {
    const current = await lockPulled(tx, id);
    if (!current) throw new RequestError(404, `There is no connection ${id} here.`);
    const at = isoTime(deps.clock.now());
    const paused = { code: BY_ADMIN, message: `paused by ${cause.actor.name}` };
    const next = { ...current, paused, pausedAt: current.pausedAt ?? at, retryAt: null };
    await updatePulled(tx, next);
    await sayPause(tx, at, next, cause, current.paused);
  });
}

/** A worker checks the connection first. Throws a 409 with the reasons where it stays paused. */
export async function resumePulled(deps: PropagationDeps, record: PulledRecord, cause: Cause): Promise<void> {
  if (!record.paused) return;
  const check = await deps.inquiries.check(record);
  const after = await settlePulledCheck(deps, record.id, check, cause);
  deps.wake.signal();
  if (after?.paused)
    throw new RequestError(409, `The connection ${record.name} stays paused: ${after.paused.message}`);
}
