/**
 * Records when a token was last used, at most once a minute and after the answer. No request waits for it or fails
 * because of it.
 */

import type { Response } from 'express';
import type { Clock } from '../support/clock.ts';
import { isoTime } from '../support/clock.ts';
import type { Log } from '../support/log.ts';

const RESOLUTION_MS = 60_000;

/** `write` stores the time in the token's row. */
export function lastUsedNotes(clock: Clock, log: Log, write: (tokenId: string, at: string) => Promise<void>) {
  /** When this process last recorded each token; another process may have recorded a later time. */
  const notedAt = new Map<string, number>();
  return (res: Response, tokenId: string): void => {
    const now = clock.now();
    const before = notedAt.get(tokenId);
    if (before !== undefined && Math.abs(now - before) < RESOLUTION_MS) return;
    notedAt.set(tokenId, now);
    res.once('close', () => {
      write(tokenId, isoTime(now)).catch((error: unknown) => {
        notedAt.delete(tokenId);
        log.warn({ err: error, tokenId }, 'could not note the use of a token');
      });
    });
  };
}
