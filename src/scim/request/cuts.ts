/**
 * Decides where a long body is cut, so that it can be parsed in stretches of a few milliseconds: at commas of long
 * lists and objects, and around long strings. The scan reports brackets and commas outside of strings, and strings
 * that are values, in their order.
 */

/** A long list, object or string. */
export interface Long {
  readonly kind: 'list' | 'object' | 'string';
  /** `from` is at the opening bracket or quote, `to` behind the closing one. */
  readonly from: number;
  readonly to: number;
  /** The parts between its brackets and the commas at which it is cut; a string has none. */
  readonly stretches: readonly Stretch[];
}

/** Whole entries of a list or object, or the whole body. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** Set where the stretch is this one long entry. */
  readonly long: Long | null;
}

export type Cuts = ReturnType<typeof createCuts>;

/** JSON.parse takes a millisecond or two for this many bytes. */
export const STRETCH_BYTES = 64 * 1024;

interface Open {
  readonly from: number;
  readonly kind: 'list' | 'object';
  readonly stretches: Stretch[];
  /** The beginning of the stretch that the next comma may end. */
  since: number;
  lastComma: number;
  /** The long entry after the last comma, if there is one. */
  long: Long | null;
}

export function createCuts(stretchBytes: number) {
  const levels: Open[] = [];
  let root: Long | null = null;

  const cut = (open: Open, at: number) => {
    open.stretches.push({ from: open.since, to: at, long: open.long });
    open.since = at + 1;
    open.long = null;
  };

  /** The part before a long entry becomes a stretch of its own. */
  const enter = (long: Long) => {
    const around = levels.at(-1);
    if (!around) {
      root ??= long;
      return;
    }
    if (around.lastComma >= around.since) cut(around, around.lastComma);
    around.long = long;
  };

  return {
    open(from: number, kind: Open['kind']) {
      levels.push({ from, kind, stretches: [], since: from + 1, lastComma: 0, long: null });
    },
    comma(at: number) {
      const open = levels.at(-1);
      if (!open) return;
      if (open.long || at - open.since >= stretchBytes) cut(open, at);
      open.lastComma = at;
    },
    close(at: number) {
      const open = levels.pop();
      if (!open || at - open.from < stretchBytes) return;
      cut(open, at);
      const { from, kind, stretches } = open;
      enter({ from, to: at + 1, kind, stretches });
    },
    string(from: number, to: number) {
      if (to - from >= stretchBytes) enter({ kind: 'string', from, to, stretches: [] });
    },
    /** The whole body; null where a bracket is not closed. */
    end(length: number): Stretch | null {
      return levels.length > 0 ? null : { from: 0, to: length, long: root };
    },
  };
}
