/**
 * Puts a held run into an incident of the environment. It ends the incident when an admin has decided everything in
 * it, or when the source shows the people again.
 */

import { closeSourceIncident, lockIncidents, openIncident, openIncidentOf } from '../db/brake/incidents.ts';
import { appendEvent } from '../db/events.ts';
import type { Db } from '../db/open.ts';
import { dropPlannedLines, forgetDiscarded, holdLosses } from '../db/pull/changes.ts';
import type { PulledRecord } from '../db/pull/connections.ts';
import { heldPullRun, type PullRun, savePullRun } from '../db/pull/runs.ts';
import { announceCause } from '../db/queue/causes.ts';
import type { Cause } from '../model/cause.ts';
import type { Comparison } from './compare.ts';

/** Holds every loss of the run. Answers the run with its incident: the open one of the environment, or a new one. */
export async function holdRun(
  tx: Db,
  record: PulledRecord,
  run: PullRun,
  reason: string,
  at: string,
): Promise<PullRun> {
  const { environmentId, id: connectionId, name } = record;
  const last = await lockIncidents(tx, environmentId);
  const opener = `connection:${connectionId}`;
  const before = await supersede(tx, connectionId, run, at);
  const open = await openIncidentOf(tx, { environmentId, kind: 'source', opener }, '');
  const incident =
    open ?? (await openIncident(tx, { environmentId, kind: 'source', opener, connectionId, at }, last));
  await holdLosses(tx, run.id, reason);
  if (!open || !before)
    await appendEvent(tx, at, {
      ...{ environmentId, cause: causeOf(record, run), kind: 'incident.opened', outcome: 'held' },
      reason: `incident ${incident.number}: what the pull of ${name} would take waits for a decision: ${reason}`,
      after: { incidentId: incident.id, number: incident.number },
    });
  return { ...run, state: 'HELD', error: reason, incidentId: incident.id };
}

/**
 * A later scan knows better: what an earlier run held is no longer a question. Answers true where there was such a
 * run.
 */
async function supersede(tx: Db, connectionId: string, by: PullRun, at: string): Promise<boolean> {
  const held = await heldPullRun(tx, connectionId);
  if (!held) return false;
  const error = `A later run, ${by.id}, took its place.`;
  await savePullRun(tx, { ...held, state: 'FAILED', error, finishedAt: at });
  return true;
}

/** Ends a held run because the source shows the people again: an admin has nothing left to decide. */
export async function endHeldRun(tx: Db, record: PulledRecord, by: PullRun, at: string): Promise<void> {
  const held = await heldPullRun(tx, record.id);
  if (!held) return;
  await supersede(tx, record.id, by, at);
  await closeIncident(tx, record, held, at, 'the source shows them as they are here');
}

/**
 * After a newer but partial scan: the held lines keep waiting, because such a scan proves nothing about them. The other
 * lines of the held run are dropped, because the newer scan knows better.
 */
export async function overtakeHeldRun(tx: Db, { id }: PulledRecord): Promise<void> {
  const held = await heldPullRun(tx, id);
  if (!held) return;
  await dropPlannedLines(tx, held.id);
  await savePullRun(tx, { ...held, position: null });
}

export async function closeIncident(
  tx: Db,
  record: PulledRecord,
  run: PullRun,
  at: string,
  why: string,
): Promise<void> {
  if (run.incidentId === null) return;
  const number = await closeSourceIncident(tx, run.incidentId, at);
  if (number === null) return;
  await appendEvent(tx, at, {
    environmentId: record.environmentId,
    ...{ cause: causeOf(record, run), kind: 'incident.closed', outcome: 'success' },
    reason: `incident ${number}: ${why}`,
    after: { incidentId: run.incidentId, number },
  });
}

export function causeOf({ id, name }: PulledRecord, { correlationId }: PullRun): Cause {
  return { correlationId, actor: { type: 'connection', id, name } };
}

/**
 * Forgets declined losses that are no longer a question, and announces to the brakes of stores how many people the lines
 * may take something from, or rename.
 */
export async function announceLines(
  tx: Db,
  run: PullRun,
  { losing, renaming, stillDiscarded }: Pick<Comparison, 'losing' | 'renaming' | 'stillDiscarded'>,
  announced: { readonly description: string; readonly at: string },
): Promise<void> {
  if (run.mode === 'full') await forgetDiscarded(tx, run.connectionId, stillDiscarded);
  if (losing < 2 && renaming < 2) return;
  const { correlationId } = run;
  await announceCause(tx, { correlationId, ...announced }, { people: losing, identities: renaming });
}
