/** Finds out what became of groups that the directory has and the scan did not show. Asks the source, and writes nothing. */

import type { CallContext } from '../../connectors/connector.ts';
import type { Findings, PullRun } from '../../db/pull/runs.ts';
import type { PullSettings } from '../../model/pull/pull.ts';
import type { Meaning } from '../../plan/pull/missing.ts';
import type { Source } from '../../sources/source.ts';
import { type Judged, judgeAbsent } from '../absent.ts';

/** A run names this many unknown groups one by one. */
export const UNKNOWN_GROUPS_MAX = 100;

export interface AbsentGroups {
  readonly gone: readonly string[];
  /** Those of them that the settings leave out. */
  readonly filtered: ReadonlySet<string>;
  readonly unknown: Findings['unread'];
}

export const NO_GROUPS: AbsentGroups = { gone: [], filtered: new Set(), unknown: [] };

export interface AbsentGroupsInput {
  readonly run: PullRun;
  readonly settings: PullSettings;
  /** Its look-ups carry what is known. */
  readonly source: Pick<Source, 'lookup'>;
  readonly context: CallContext;
}

/**
 * Groups outside the chosen ones are removed if an admin applied that choice; the source is asked about all others.
 */
export async function absentGroups(
  { run, settings, source, context }: AbsentGroupsInput,
  ids: readonly string[],
): Promise<AbsentGroups> {
  const { mode, selected } = settings.groups;
  const isChosen = (id: string) =>
    mode === 'All' || (mode === 'Selected' && selected.some((one) => one.id === id));
  const left = run.takesFiltered ? ids.filter((id) => !isChosen(id)) : [];
  const judged = await judgeAbsent(run, 'group', ids.filter(isChosen), source, context);
  const gone = judged.filter(({ meaning }) => leaves(meaning)).map(({ id }) => id);
  return {
    gone: [...left, ...gone],
    filtered: new Set([...left, ...judged.filter(isFilteredOut).map(({ id }) => id)]),
    unknown: judged
      .filter(({ meaning }) => meaning === 'unknown')
      .map(({ id, reason }) => unknownGroup(id, 'is not in the list, and stays', reason)),
  };
}

export function unknownGroup(id: string, why: string, reason?: string): Findings['unread'][number] {
  const asked = `The group ${id} ${why}; whether that is so, the next run asks again.`;
  return { what: 'group', id, reason: reason === undefined ? asked : `The group ${reason}` };
}

export const isFilteredOut = ({ meaning }: Judged) => meaning === 'filteredLeaves';

export const leaves = (meaning: Meaning) => meaning === 'gone' || meaning === 'filteredLeaves';
