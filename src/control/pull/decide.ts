/** An admin's decision on what a run over a directory would take: the people of an incident of kind `source`. */

import type { IncidentRecord } from '../../db/brake/incidents.ts';
import { appendEvent } from '../../db/events.ts';
import { decideLines, type Line, linesOf } from '../../db/pull/changes.ts';
import { type PullRun, pullRunOfIncident } from '../../db/pull/runs.ts';
import type { Cause } from '../../model/cause.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';

export type SourceSelection =
  | { readonly personIds: readonly string[] }
  | { readonly causes: readonly string[] }
  | { readonly left: true }
  | { readonly all: true };

export interface DecidedLine {
  readonly id: string;
  readonly personKey: string;
}

export async function decideOnSource(
  deps: Pick<PropagationDeps, 'db' | 'clock' | 'wake'>,
  incident: IncidentRecord,
  selection: SourceSelection,
  state: 'approved' | 'discarded',
  cause: Cause,
): Promise<readonly DecidedLine[]> {
  const at = isoTime(deps.clock.now());
  const decided = await deps.db.transaction(async (tx) => {
    const run = await pullRunOfIncident(tx, incident.id);
    if (run?.state !== 'HELD') return [];
    if ('causes' in selection && !selection.causes.includes(run.correlationId)) return [];
    const passes = choiceOf(selection);
    const lines = await decideLines(tx, run.id, passes, { state, by: cause.actor.name, at });
    if (lines.length > 0)
      await appendEvent(tx, at, {
        ...{ environmentId: incident.environmentId, cause, kind: `incident.${state}`, outcome: 'success' },
        after: {
          incidentId: incident.id,
          number: incident.number,
          losses: lines.length,
          people: peopleOf(lines),
        },
      });
    return lines.map((line) => ({ id: idOfLine(run, line), personKey: line.personId ?? line.sourceId }));
  });
  deps.wake.signal();
  return decided;
}

/** Who left: whom the source shows as inactive or gone, not who leaves a group alone. */
function choiceOf(selection: SourceSelection): (line: Line) => boolean {
  if ('personIds' in selection) {
    const chosen = new Set(selection.personIds);
    return ({ personId }) => personId !== null && chosen.has(personId);
  }
  return 'left' in selection ? ({ op }) => op !== 'leave' : () => true;
}

export function idOfLine({ id }: Pick<PullRun, 'id'>, { seq }: Pick<Line, 'seq'>): string {
  return `${id}.${seq}`;
}

function peopleOf(lines: readonly Line[]): number {
  return new Set(lines.map(({ personId, sourceId }) => personId ?? sourceId)).size;
}

const LOSSES: readonly string[] = ['deactivate', 'remove', 'leave'];
const LINES_MAX = 100_000;

/** The losses of the incident's run, those of one person together, in the order of the run. */
export async function lossesOfSource(
  { db }: Pick<PropagationDeps, 'db'>,
  incident: IncidentRecord,
): Promise<{ readonly run: PullRun; readonly people: ReadonlyMap<string, readonly Line[]> } | null> {
  const run = await pullRunOfIncident(db, incident.id);
  if (!run) return null;
  const lines = await linesOf(db, run.id, null, 0, LINES_MAX);
  const people = new Map<string, Line[]>();
  for (const line of lines) {
    if (!LOSSES.includes(line.op) || line.kind !== 'user' || line.personId === null) continue;
    const own = people.get(line.personId);
    if (own) own.push(line);
    else people.set(line.personId, [line]);
  }
  return { run, people };
}
