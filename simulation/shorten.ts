/** Leaves out actions that a failing history does not need to fail in the same way, within limits. */

import { type History, playHistory } from './history.ts';
import type { Database } from './machine/database.ts';

const REPLAYS_MAX = 80;

/** The indexes of the remaining actions. */
export async function shorten(
  database: Database,
  seed: string,
  index: number,
  history: History,
  complaint: string,
): Promise<readonly number[]> {
  let left = history.actions.map((_, at) => at);
  let replays = 0;
  const fails = async (candidate: readonly number[]): Promise<boolean> => {
    replays += 1;
    const actions = candidate.flatMap((at) => history.actions[at] ?? []);
    const outcome = await playHistory(database, seed, index, { ...history, actions });
    return outcome.complaints.some((other) => kindOf(other) === kindOf(complaint));
  };
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < left.length && replays < REPLAYS_MAX; ) {
      const candidate = [...left.slice(0, at), ...left.slice(at + size)];
      if (candidate.length > 0 && (await fails(candidate))) left = candidate;
      else at += size;
    }
  }
  return left;
}

/** A complaint without the names in it. */
function kindOf(complaint: string): string {
  return (complaint.split('\n', 1)[0] ?? '').replace(/"[^"]*"|\S*\d\S*/g, '').replace(/\s+/g, ' ');
}
