/** Retries one page of a source: waiting is cheap for a scan, but starting again costs every page. */

import type { CallContext } from '../connectors/connector.ts';
import { RemoteError } from '../model/errors.ts';
import type { SourceDeps } from './source.ts';

const GAP_FIRST_MS = 1_000;
const GAP_MAX_MS = 60_000;
/** Failures in a row, not counting rate limits. */
const ATTEMPTS_MAX = 5;
/** For one page, over all its attempts. */
const WAIT_MAX_MS = 15 * 60_000;

/**
 * Calls `read` until it answers. It waits as long as the vendor says after a rate limit, and tries again a few times
 * with growing gaps after an outage. Rejects with the last error, or when the signal aborts.
 */
export async function patiently<T>(
  deps: Pick<SourceDeps, 'sleep'>,
  { signal }: Pick<CallContext, 'signal'>,
  read: () => Promise<T>,
): Promise<T> {
  let failures = 0;
  let waitedMs = 0;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      const isLimit = error.disposition === 'rateLimited';
      if (!isLimit && error.disposition !== 'transient') throw error;
      if (!isLimit) failures += 1;
      const gapMs = error.retryAfterMs ?? Math.min(GAP_FIRST_MS * 2 ** failures, GAP_MAX_MS);
      waitedMs += gapMs;
      if (failures >= ATTEMPTS_MAX || waitedMs > WAIT_MAX_MS) throw error;
      await deps.sleep(gapMs, signal);
    }
  }
}
