/**
 * Turns: a line of waiting requests, so many at a time, the others in the order in which they came; and how long work in
 * this thread lets everybody else wait.
 */

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

/** After so long the next piece waits until others had their turn. */
const TURN_MAX_MS = 4;
let turnBegan: number | null = null;

/**
 * Before each short piece of long work in this thread; undefined where the turn is young, and then nobody has to wait. A
 * read of somebody else needs several turns of the event loop, and meets a piece in each of them.
 */
export function giveWay(): Promise<void> | undefined {
  if (turnBegan !== null && performance.now() - turnBegan > TURN_MAX_MS)
    return new Promise((done) => setImmediate(done));
  if (turnBegan === null) {
    turnBegan = performance.now();
    setImmediate(() => {
      turnBegan = null;
    });
  }
  return undefined;
}
