/**
 * Keeps a connector below its vendor's rate limits: token buckets by request class, and a pause of
 * everything after a 429. The limits are shared with other apps, so a bridge takes its share and adapts.
 */

/** As much of a request as pacing looks at. */
export interface Paced {
  readonly method: string;
  readonly url: string;
}

export interface Bucket {
  readonly name: string;
  readonly perMinute: number;
  readonly burst: number;
  matches(request: Paced): boolean;
}

export interface Pacer {
  /**
   * Resolves to 0 when the request may go out. A wait beyond `PACE_WAIT_MAX_MS` is not sat through but
   * returned, in milliseconds, so that the caller can put something more urgent first. Rejects when the
   * signal aborts.
   */
  wait(request: Paced, signal: AbortSignal): Promise<number>;
  /** Nothing goes out for so long. */
  pause(ms: number): void;
}

export interface PacerDeps {
  /** Monotonic milliseconds. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const PACE_WAIT_MAX_MS = 1_000;

export function createPacer(buckets: readonly Bucket[], deps: PacerDeps): Pacer {
  const levels = new Map(buckets.map((bucket) => [bucket, { tokens: bucket.burst, at: deps.now() }]));
  let pausedUntil = 0;

  /** Milliseconds until every bucket of the request has a token; takes the tokens where that is now. */
  const take = (request: Paced): number => {
    const now = deps.now();
    if (pausedUntil > now) return pausedUntil - now;
    const mine = buckets.filter((bucket) => bucket.matches(request));
    let waitMs = 0;
    for (const bucket of mine) {
      const level = levels.get(bucket) as { tokens: number; at: number };
      level.tokens = Math.min(bucket.burst, level.tokens + ((now - level.at) * bucket.perMinute) / 60_000);
      level.at = now;
      if (level.tokens < 1) waitMs = Math.max(waitMs, ((1 - level.tokens) * 60_000) / bucket.perMinute);
    }
    if (waitMs > 0) return waitMs;
    for (const bucket of mine) (levels.get(bucket) as { tokens: number }).tokens -= 1;
    return 0;
  };

  return {
    async wait(request, signal) {
      let waitMs = take(request);
      while (waitMs > 0) {
        if (waitMs > PACE_WAIT_MAX_MS) return waitMs;
        await deps.sleep(Math.ceil(waitMs), signal);
        waitMs = take(request);
      }
      return 0;
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, deps.now() + ms);
    },
  };
}
