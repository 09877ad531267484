/**
 * Until when a request has to be answered. What has not begun by then is never begun, what has not been
 * committed is rolled back, so that the refusal is true: identity providers send the request again. What takes longer
 * than that each time is carried on with, so that whoever sends it again finds it done.
 */

import { type Clock, ENOUGH } from '../support/clock.ts';

/** The request was not answered in time, and nothing of it was done. */
export class Late extends Error {
  /** Its turn never came; false where the database was asked and did not answer. */
  readonly waited: boolean;
  /** The database has answered some of it. */
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
  /** The database has answered some of what the request has to read. */
  heard(): void;
  /** The request's turn has come: its transaction begins. */
  begin(): void;
  /** It has so much to write that it would never be done in time: it is committed even where the answer could not wait. */
  goOn(): void;
  /** From here on the outcome is the database's, and the answer waits for it. */
  commit(): void;
}

/** Ends as `work` does, or with Late after `maxMs` unless a commit is under way. */
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
  const deadline: Deadline = {
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
