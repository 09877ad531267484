/** What a comparison keeps of everybody in a scan while it lasts. */

import type { KnownUsers } from '../../db/pull/directory.ts';
import type { Problems } from './problems.ts';

/** Ids at the source alone: all of them are in memory at once. */
export interface Shown {
  /** Everybody in the scan. */
  readonly ids: Set<string>;
  /** Of those, and of those whom the directory has: who is not, or will not be, there. */
  readonly absent: Set<string>;
  /** By the id of whoever had a record, that of whoever writes over it, with all that hangs on it. */
  readonly takenOver: Map<string, string>;
  readonly problems: Problems;
  unchanged: number;
  filtered: number;
  skipped: number;
  /** Whoever was deleted, and is in the list again, and whom nobody has asked about. */
  unknown: number;
  /** In the directory, and left out by domains alone. */
  readonly outside: string[];
}

/** Whether somebody is, or will be, in the directory. */
export function isPresent({ ids, absent }: Shown, known: KnownUsers, id: string): boolean {
  return !absent.has(id) && (ids.has(id) || known.ids.has(id));
}
