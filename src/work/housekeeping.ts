/**
 * The loop beside the worker: it queues what has become due by the clock, and deletes what nobody needs any more. It
 * calls no vendor. Where a turn fails, the next one tries again.
 */

import { advanceConnection } from '../control/endings/connectionDeletion.ts';
import { advanceEnvironment } from '../control/endings/environmentDeletion.ts';
import type { IdentifierHash } from '../db/access/identifierKey.ts';
import { environmentsWithDecided } from '../db/brake/incidents.ts';
import { deleteOldTaken } from '../db/brake/losses.ts';
import { connectionsBeingDeleted, environmentsBeingDeleted } from '../db/identity/deletions.ts';
import { deleteOldCauses } from '../db/identity/retention.ts';
import { deleteOldPullRuns } from '../db/pull/runs.ts';
import { deleteExpiredInquiries, deleteOldWorkers } from '../db/queue/inquiries.ts';
import { deleteExpiredPreviews } from '../db/runs/previews.ts';
import { deleteOldSyncRuns } from '../db/runs/syncRuns.ts';
import { refreshStatistics } from '../db/statistics.ts';
import { purgePeople } from '../directory/retention.ts';
import { SYSTEM } from '../model/cause.ts';
import { closeIncidents } from '../settle/gate/incident.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { isoTime, pause } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import type { Metrics } from '../support/metrics.ts';
import { keepAlerts } from './alerts/alertKeeping.ts';
import { sayWarnings } from './alerts/warnings.ts';
import { pruneEvents } from './eventRetention.ts';
import { sayWhatIsPostponed } from './postponed.ts';
import { ringTimers } from './timers.ts';

export interface Housekeeping {
  start(): void;
  /** Resolves when the turn that is under way has ended. */
  stop(): Promise<void>;
  /** Takes a turn now, or after the one under way. */
  turn(): Promise<void>;
}

const TURN_EVERY_MS = 5_000;
const CLEAR_EVERY_MS = 10 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
/** How many steps of each deletion one turn takes; the next turn goes on. */
const DELETION_STEPS = 50;
/** The brake looks back at causes and losses for no longer. */
const CAUSES_KEPT_MS = 40 * DAY_MS;
/** How long a finished run is listed. */
const SYNC_RUNS_KEPT_MS = 30 * DAY_MS;

export interface HousekeepingOptions {
  /** How long the audit log is kept; 0: for ever. */
  readonly eventRetentionDays: number;
}

export interface HousekeepingDeps extends PropagationDeps {
  readonly identifierHash: IdentifierHash;
}

export function createHousekeeping(
  deps: HousekeepingDeps,
  metrics: Metrics,
  { eventRetentionDays }: HousekeepingOptions,
): Housekeeping {
  const { db, clock, log } = deps;
  const stopping = new AbortController();
  let last: Promise<void> = Promise.resolve();
  let clearedAt = Number.NEGATIVE_INFINITY;

  const once = async (): Promise<void> => {
    if (stopping.signal.aborted) return;
    await sayWhatIsPostponed(deps);
    if (await ringTimers(deps, metrics)) deps.wake.signal();
    await keepStatistics(deps);
    await closeWhatIsDecided(deps);
    await sayWarnings(deps);
    await advanceDeletions(deps, stopping.signal);
    const postponing = deps.deletions.isPostponing();
    if (!postponing) await pruneEvents({ db, clock, eventRetentionDays }, stopping.signal);
    const now = clock.now();
    if (now - clearedAt < CLEAR_EVERY_MS) return;
    clearedAt = now;
    await keepAlerts(deps, stopping.signal);
    await deleteExpiredInquiries(db, isoTime(now));
    await deleteOldWorkers(db, now);
    await deleteExpiredPreviews(db, isoTime(now));
    await deleteOldCauses(db, isoTime(now - CAUSES_KEPT_MS));
    await deleteOldTaken(db, isoTime(now - CAUSES_KEPT_MS));
    const runsBefore = isoTime(now - SYNC_RUNS_KEPT_MS);
    await deleteOldSyncRuns(db, runsBefore);
    await deleteOldPullRuns(db, { runs: runsBefore, previews: isoTime(now - DAY_MS) });
    if (!postponing) await purgePeople({ db, clock, identifierHash: deps.identifierHash }, stopping.signal);
  };

  const turn = (): Promise<void> => {
    last = last
      .then(once)
      .catch((error: unknown) => log.error({ err: error }, 'housekeeping failed; trying again'));
    return last;
  };

  const keepTurning = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await turn();
      await pause(clock, TURN_EVERY_MS, stopping.signal);
    }
  };

  return {
    start() {
      void keepTurning();
    },
    async stop() {
      stopping.abort();
      await last;
    },
    turn,
  };
}

/** Refreshes the statistics of the database. Where it is too busy for that, it is only slower. */
async function keepStatistics({ db, log }: PropagationDeps): Promise<void> {
  await refreshStatistics(db).catch((error: unknown) =>
    log.warn({ err: error }, 'could not analyze the tables that grew; trying again'),
  );
}

/** Closes incidents that ended without a decision: their people came back, or their store is gone. */
async function closeWhatIsDecided({ db, clock }: PropagationDeps): Promise<void> {
  for (const environmentId of await environmentsWithDecided(db)) {
    const cause = { correlationId: newId(), actor: SYSTEM };
    await db.transaction((tx) => closeIncidents(tx, environmentId, isoTime(clock.now()), cause));
  }
}

/** Goes on with deletions that a request began, in whatever process. */
async function advanceDeletions(deps: PropagationDeps, signal: AbortSignal): Promise<void> {
  for (const id of await environmentsBeingDeleted(deps.db)) {
    if (signal.aborted) return;
    await advanceEnvironment(deps, id, DELETION_STEPS);
  }
  for (const id of await connectionsBeingDeleted(deps.db)) {
    if (signal.aborted) return;
    await advanceConnection(deps, id, DELETION_STEPS);
  }
}
