/** An admin decides what a run over a directory may take: the people of an incident of kind `source`. */

import type { IncidentRecord } from '../../db/brake/incidents.ts';
import { appendEvent } from '../../db/events.ts';
import type { Db } from '../../db/open.ts';
import { decideLines, type Line, linesOf } from '../../db/pull/changes.ts';
import { type PullRun, pullRunsOfIncident } from '../../db/pull/runs.ts';
import { callOffLines } from '../../db/pull/undo.ts';
import { everyStoreOf } from '../../db/stores/stores.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { isLeaving, takes } from '../../model/pull/losses.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { lockStores } from '../losses/decide.ts';
import { type IncidentSelection, refuseLateUndo, wantAllBack } from '../losses/incidents.ts';

export interface DecidedLine {
  readonly id: string;
  readonly personKey: string;
}

export async function decideOnSource(
  deps: Pick<PropagationDeps, 'db' | 'clock' | 'wake'>,
  incident: IncidentRecord,
  selection: IncidentSelection,
  state: 'approved' | 'discarded',
  cause: Cause,
): Promise<readonly DecidedLine[]> {
  const at = isoTime(deps.clock.now());
  const decided = await transact(deps.db, async (tx) => {
    const lines = await decideHeldLines(tx, incident, selection, state, cause, at);
    if (lines.length > 0) await sourceEvent(tx, at, incident, cause, state, lines);
    return lines;
  });
  deps.wake.signal();
  return decided;
}

/**
 * Undoes an incident: held lines do not happen, and the bridge remembers that. Lines that an admin let through stay
 * in the directory, as the source says; stores give back what they took for them, and take no more. Throws a 409
 * later than seven days after the incident closed.
 */
export async function undoSource(
  deps: PropagationDeps,
  incident: IncidentRecord,
  selection: Exclude<IncidentSelection, { left: true }>,
  cause: Cause,
): Promise<readonly DecidedLine[]> {
  const now = deps.clock.now();
  refuseLateUndo(incident, now);
  const at = isoTime(now);
  const undone = await transact(deps.db, async (tx) => {
    // Locks every store: a loss that a store takes at this moment is either found here, or its task finds that it was
    // called off.
    const all = await everyStoreOf(tx, incident.environmentId);
    const stores = await lockStores(
      tx,
      all.map(({ id }) => id),
    );
    const lines = [...(await decideHeldLines(tx, incident, selection, 'discarded', cause, at))];
    const passes = choiceOf(selection);
    for (const run of await pullRunsOfIncident(tx, incident.id)) {
      if (!isChosen(selection, run)) continue;
      const off = await callOffLines(tx, run.id, passes, { by: cause.actor.name, at });
      lines.push(...off.filter(isOfPerson).map((line) => decidedLine(run, line)));
    }
    await wantAllBack(tx, incident, selection, stores, cause, at);
    if (lines.length > 0) await sourceEvent(tx, at, incident, cause, 'undone', lines);
    return lines;
  });
  deps.wake.signal();
  return undone;
}

async function decideHeldLines(
  tx: Db,
  incident: IncidentRecord,
  selection: IncidentSelection,
  state: 'approved' | 'discarded',
  cause: Cause,
  at: string,
): Promise<readonly DecidedLine[]> {
  const [run] = await pullRunsOfIncident(tx, incident.id);
  if (run?.state !== 'HELD' || !isChosen(selection, run)) return [];
  const decision = { state, by: cause.actor.name, at };
  const passes = choiceOf(selection);
  const lines = await decideLines(tx, run.id, (line) => isOfPerson(line) && passes(line), decision);
  await decideGroups(tx, run, decision);
  return lines.map((line) => decidedLine(run, line));
}

const isOfPerson = ({ kind }: Line) => kind === 'user';

/**
 * Decides about groups after their members: a group is removed with its last member, and stays where an admin let one
 * stay.
 */
async function decideGroups(tx: Db, { id }: PullRun, decision: Parameters<typeof decideLines>[3]) {
  const undone = await linesOf(tx, id, ['held', 'discarded'], 0, LINES_MAX);
  const groupsOf = (state: Line['state']) =>
    new Set(undone.flatMap((line) => (line.state === state ? (line.detail.group?.sourceId ?? []) : [])));
  const waiting = groupsOf('held');
  const staying = groupsOf('discarded');
  const isDue = (line: Line) => !isOfPerson(line) && !waiting.has(line.sourceId);
  const stays = (line: Line) => isDue(line) && staying.has(line.sourceId);
  await decideLines(tx, id, stays, { ...decision, state: 'discarded' });
  await decideLines(tx, id, isDue, decision);
}

function isChosen(selection: IncidentSelection, { correlationId }: PullRun): boolean {
  return !('causes' in selection) || selection.causes.includes(correlationId);
}

/**
 * Leavers: people whom the source shows as inactive or gone, not those who only leave a group or get another name.
 */
function choiceOf(selection: IncidentSelection): (line: Line) => boolean {
  if ('personIds' in selection) {
    const chosen = new Set(selection.personIds);
    return ({ personId }) => personId !== null && chosen.has(personId);
  }
  return 'left' in selection ? isLeaving : () => true;
}

function decidedLine(run: PullRun, line: Line): DecidedLine {
  return { id: idOfLine(run, line), personKey: line.personId ?? line.sourceId };
}

export function idOfLine({ id }: Pick<PullRun, 'id'>, { seq }: Pick<Line, 'seq'>): string {
  return `${id}.${seq}`;
}

function sourceEvent(
  tx: Db,
  at: string,
  { id: incidentId, number, environmentId }: IncidentRecord,
  cause: Cause,
  what: 'approved' | 'discarded' | 'undone',
  lines: readonly DecidedLine[],
): Promise<string> {
  const people = new Set(lines.map(({ personKey }) => personKey)).size;
  return appendEvent(tx, at, {
    ...{ environmentId, cause, kind: `incident.${what}`, outcome: 'success' },
    after: { incidentId, number, losses: lines.length, people },
  });
}

const LINES_MAX = 100_000;

export interface SourceLoss {
  readonly run: PullRun;
  readonly line: Line;
}

export interface SourceLosses {
  /** The newest first. */
  readonly runs: readonly PullRun[];
  /** The losses by person, in the order of their run. */
  readonly people: ReadonlyMap<string, readonly SourceLoss[]>;
}

/** What the newest run of the incident would take or has taken, and what admins let through of the earlier runs. */
export async function lossesOfSource(
  { db }: Pick<PropagationDeps, 'db'>,
  incident: Pick<IncidentRecord, 'id'>,
): Promise<SourceLosses> {
  const runs = await pullRunsOfIncident(db, incident.id);
  const people = new Map<string, SourceLoss[]>();
  for (const [age, run] of runs.entries()) {
    const lines = await linesOf(db, run.id, age === 0 ? null : ['approved', 'done'], 0, LINES_MAX);
    for (const line of lines) {
      if (!takes(line) || line.personId === null) continue;
      const own = people.get(line.personId);
      if (own) own.push({ run, line });
      else people.set(line.personId, [{ run, line }]);
    }
  }
  return { runs, people };
}
