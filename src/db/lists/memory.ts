/**
 * What a process remembers of long SCIM lists, so that a page deep down costs what the first one costs: how long
 * the list is, and after which resource a position comes. It never holds what a list shows.
 *
 * A total is exact as of a moment that lies after every write that this process answered on the connection, and at
 * most `TOTAL_AGE_MS` before the answer; lists of up to `SHORT` are counted each time. A position means what it
 * meant when the page before it was given: whoever reads on neither misses nor repeats what stays.
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
