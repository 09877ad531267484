/**
 * The body of an answer that is written piece by piece. The writer waits until the client has read, and drops a
 * client that does not read, so that nothing piles up in memory.
 */

import type { Response } from 'express';

export interface Sink {
  /** Resolves when there is room for more. Rejects with ClientGone. */
  write(text: string): Promise<void>;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

export class ClientGone extends Error {}

/** An answer waits this long for a client that reads nothing. */
const UNREAD_MAX_MS = 20_000;

export function sinkOf(res: Response): Sink {
  const gone = new AbortController();
  res.once('close', () => gone.abort(new ClientGone('the client left')));
  return {
    signal: gone.signal,
    async write(text) {
      if (gone.signal.aborted) throw gone.signal.reason;
      if (res.write(text)) return;
      await room(res, gone.signal);
    },
  };
}

function room(res: Response, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (done: () => void) => {
      clearTimeout(late);
      res.off('drain', onDrain);
      signal.removeEventListener('abort', onGone);
      done();
    };
    const onDrain = () => end(resolve);
    const onGone = () => end(() => reject(signal.reason));
    const late = setTimeout(() => res.destroy(), UNREAD_MAX_MS);
    res.once('drain', onDrain);
    signal.addEventListener('abort', onGone, { once: true });
  });
}
