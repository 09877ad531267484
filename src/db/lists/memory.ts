/**
 * What a process remembers of long SCIM lists, so that a late page costs as much as the first one: how long a list
 * is, and which resource comes before a position. It never holds what a list shows.
 *
 * A total is exact as of a moment after every write to the connection that this process has answered, and at most
 * `TOTAL_AGE_MS` before the answer. Lists of up to `SHORT` entries are counted each time. A position keeps the
 * meaning that it had when the page before it was given, so a reader neither misses nor repeats what stays.
 */

import type { Clock } from '../../support/clock.ts';
import type { After } from '../paging.ts';

/** Shorter lists are counted, and lower positions found, each time. */
const SHORT = { total: 10_000, position: 1_000 };
/** How late the writes of other processes may be seen. */
const TOTAL_AGE_MS = 2_000;
const LISTS_MAX = 200;
const PLACES_MAX = 500;

export interface Place {
  readonly position: number;
  /** The last of the `position` resources that come before. */
  readonly after: After;
}

interface Remembered {
  total: { readonly n: number; readonly at: number; readonly writes: number } | null;
  /** By position, the oldest first. */
  readonly places: Map<number, After>;
}

export type ListMemory = ReturnType<typeof createListMemory>;

export function createListMemory(clock: Clock) {
  /** The one that was not used for longest comes first. */
  const lists = new Map<string, Remembered>();
  const writes = new Map<string, number>();

  const remembered = (list: string): Remembered => {
    const known = lists.get(list) ?? { total: null, places: new Map() };
    lists.delete(list);
    lists.set(list, known);
    for (const oldest of lists.keys()) {
      if (lists.size <= LISTS_MAX) break;
      lists.delete(oldest);
    }
    return known;
  };

  return {
    isDeep: (position: number) => position >= SHORT.position,

    /** Something of the connection was written and is durable. */
    written(connectionId: string): void {
      writes.set(connectionId, (writes.get(connectionId) ?? 0) + 1);
    },

    async total(list: string, connectionId: string, count: () => Promise<number>): Promise<number> {
      const written = writes.get(connectionId) ?? 0;
      const at = clock.now();
      const known = lists.get(list)?.total;
      if (known && known.writes === written && Math.abs(at - known.at) < TOTAL_AGE_MS) return known.n;
      const n = await count();
      if (n > SHORT.total) remembered(list).total = { n, at, writes: written };
      return n;
    },

    /** The nearest place at or before the position; null: the beginning. */
    placeBefore(list: string, position: number): Place | null {
      let nearest: Place | null = null;
      for (const [at, after] of lists.get(list)?.places ?? []) {
        if (at <= position && at > (nearest?.position ?? 0)) nearest = { position: at, after };
      }
      return nearest;
    },

    keepPlace(list: string, { position, after }: Place): void {
      if (position < SHORT.position) return;
      const { places } = remembered(list);
      places.delete(position);
      places.set(position, after);
      for (const oldest of places.keys()) {
        if (places.size <= PLACES_MAX) break;
        places.delete(oldest);
      }
    },
  };
}
