/**
 * How long a request may take. When its time is over, the bridge no longer begins it, or rolls it back if it has not
 * committed, so that its refusal is true: identity providers send the request again. A request that always takes
 * longer is carried on with, so that the next try finds it done.
 */

import { type Clock, ENOUGH } from '../support/clock.ts';

/** The request was not answered in time; none of it was done. */
export class Late extends Error {
  /** True where the request never got its turn; false where the database did not answer. */
  readonly waited: boolean;
  /** The database has answered some of the request's reads. */
  readonly heard: boolean;

  constructor(waited: boolean, heard = false) {
    super('the request could not be answered in time');
    this.name = 'Late';
    this.waited = waited;
    this.heard = heard;
  }
}

/** `begin` and `commit` throw Late where the time is over. */
export interface Deadline {
  /** How long a statement may wait for a lock; at least 1. */
  leftMs(): number;
  /** Notes that the database has answered some of the request's reads. */
  heard(): void;
  /** The request's turn has come: its transaction begins. */
  begin(): void;
  /**
   * The request has so much to write that it would never finish in time: it commits even if the answer cannot wait.
   */
  goOn(): void;
  /** From here on the database decides the outcome, and the answer waits for it. */
  commit(): void;
}

/** Ends as `work` ends, or with Late after `maxMs` unless a commit is under way. */
export async function answeredWithin<T>(
  clock: Clock,
  maxMs: number,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  let stage: 'waiting' | 'working' | 'committing' = 'waiting';
  let isOver = false;
  let goesOn = false;
  let isHeard = false;
  const answered = new AbortController();
  const late = new Promise<never>((_, reject) => {
    clock.sleep(maxMs, answered.signal).then(
      () => {
        isOver = true;
        if (stage !== 'committing') reject(new Late(stage === 'waiting', isHeard));
      },
      () => {},
    );
  });
  const enter = (next: typeof stage) => {
    if (isOver && !goesOn) throw new Late(stage === 'waiting');
    stage = next;
  };
  const until = clock.now() + maxMs;
  const deadline: Deadline = {
    leftMs: () => Math.max(1, Math.ceil(until - clock.now())),
    heard: () => {
      isHeard = true;
    },
    begin: () => enter('working'),
    goOn: () => {
      goesOn = true;
    },
    commit: () => enter('committing'),
  };
  try {
    return await Promise.race([work(deadline), late]);
  } finally {
    answered.abort(ENOUGH);
  }
}
