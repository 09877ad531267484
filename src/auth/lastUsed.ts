/**
 * Notes when a token was last used, at most once a minute and after the answer. No request waits or fails
 * because of it.
 */

import type { Response } from 'express';
import type { Clock } from '../support/clock.ts';
import { isoTime } from '../support/clock.ts';
import type { Log } from '../support/log.ts';

const RESOLUTION_MS = 60_000;

/** `write` stores the time at the token's row. */
export function lastUsedNotes(clock: Clock, log: Log, write: (tokenId: string, at: string) => Promise<void>) {
  const underway = new Set<string>();
  return (res: Response, tokenId: string, lastUsedAt: string | null): void => {
    const now = clock.now();
    if (lastUsedAt !== null && now - Date.parse(lastUsedAt) < RESOLUTION_MS) return;
    if (underway.has(tokenId)) return;
    underway.add(tokenId);
    res.once('close', () => {
      write(tokenId, isoTime(now))
        .catch((error: unknown) => log.warn({ err: error, tokenId }, 'could not note the use of a token'))
        .finally(() => underway.delete(tokenId));
    });
  };
}
