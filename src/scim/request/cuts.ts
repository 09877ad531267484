/**
 * Where the text of a long body is cut, so that it can be parsed in stretches that take a few milliseconds each: at
 * commas of the lists and objects that are long. It is told of brackets and commas outside of strings, in their order.
 */

/** A list or an object that is long. */
export interface Long {
  /** Of its opening bracket, and behind its closing one. */
  readonly from: number;
  readonly to: number;
  readonly isObject: boolean;
  /** Between its brackets and the commas at which it is cut. */
  readonly stretches: readonly Stretch[];
}

/** Whole entries of a list or an object, or the whole body. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** The stretch is then this entry alone. */
  readonly long: Long | null;
}

export type Cuts = ReturnType<typeof createCuts>;

/** JSON.parse takes a millisecond or two for it. */
export const STRETCH_BYTES = 64 * 1024;

interface Open {
  readonly from: number;
  readonly isObject: boolean;
  readonly stretches: Stretch[];
  /** Where the stretch begins that the next comma may end. */
  since: number;
  lastComma: number;
  /** An entry behind the last comma. */
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

  /** What stands before it becomes a stretch of its own. */
  const enter = (open: Open, long: Long) => {
    if (open.lastComma >= open.since) cut(open, open.lastComma);
    open.long = long;
  };

  return {
    open(from: number, isObject: boolean) {
      levels.push({ from, isObject, stretches: [], since: from + 1, lastComma: 0, long: null });
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
      const { from, isObject, stretches } = open;
      const long = { from, to: at + 1, isObject, stretches };
      const around = levels.at(-1);
      if (around) enter(around, long);
      else root ??= long;
    },
    /** The whole body; null where a bracket is not closed. */
    end(length: number): Stretch | null {
      return levels.length > 0 ? null : { from: 0, to: length, long: root };
    },
  };
}
