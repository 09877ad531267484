/** What a comparison keeps about everybody in a scan while it runs. */

import type { KnownUsers } from '../../db/pull/directory.ts';
import type { Problems } from './problems.ts';

/** Holds only ids at the source, because all of them are in memory at once. */
export interface Shown {
  /** Everybody in the scan. */
  readonly ids: Set<string>;
  /** People of the scan or of the directory whom the directory does not have, or will not have after the run. */
  readonly absent: Set<string>;
  /**
   * Records that change hands: from the source id of the former holder to that of the new one, who keeps all that
   * belongs to the record.
   */
  readonly takenOver: Map<string, string>;
  readonly problems: Problems;
  unchanged: number;
  filtered: number;
  skipped: number;
  /** People who were deleted, are in the list again, and about whom nobody has asked the source. */
  unknown: number;
  /** People of the directory whom only the setting for domains leaves out. */
  readonly outside: string[];
}

/** Whether the directory has this person, or will have them after the run. */
export function isPresent({ ids, absent }: Shown, known: KnownUsers, id: string): boolean {
  return !absent.has(id) && (ids.has(id) || known.ids.has(id));
}
