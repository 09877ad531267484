/** A line of waiting requests: so many at a time, the others in the order in which they came. */

export interface Turns {
  /** Resolves when it is the caller's turn, with what ends it; ending it twice does nothing. */
  take(): Promise<() => void>;
}

export function createTurns(atOnce: number): Turns {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  const end = () => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };
  return {
    async take() {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      let ended = false;
      return () => {
        if (!ended) end();
        ended = true;
      };
    },
  };
}
