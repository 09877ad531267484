/**
 * Keeps a connector below its vendor's rate limits: a token bucket for each kind of request that the vendor counts,
 * and a pause of one kind after a 429. The limits are shared with other apps, so a bridge takes its share and adapts.
 */

/** As much of a request as pacing looks at. */
export interface Paced {
  readonly method: string;
  readonly url: string;
}

/** A kind of request that a vendor counts. */
export interface Bucket {
  readonly name: string;
  /** Absent where the vendor names no limit, and only says so when there was too much. */
  readonly limit?: { readonly perMinute: number; readonly burst: number };
  /**
   * Null for a request of another kind. The vendor counts requests with different keys apart, as those for the
   * members of each group.
   */
  keyOf(request: Paced): string | null;
}

export interface Pacer {
  /**
   * Resolves to 0 when the request may go out. A wait beyond `PACE_WAIT_MAX_MS` is not sat through but
   * returned, in milliseconds, so that the caller can do something else first. Rejects when the signal aborts.
   */
  wait(request: Paced, signal: AbortSignal): Promise<number>;
  /** No request of this one's kind goes out for so long; others do. */
  pause(request: Paced, ms: number): void;
  /** Nothing goes out for so long. */
  pauseAll(ms: number): void;
}

export interface PacerDeps {
  /** Monotonic milliseconds. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const PACE_WAIT_MAX_MS = 1_000;
/** Beyond so many keys those are forgotten that nobody has to wait for. */
const KEYS_MAX = 10_000;

interface Level {
  tokens: number;
  at: number;
  pausedUntil: number;
}

/** Wide kinds first: the last bucket that counts a request is its own kind, the one that a 429 is about. */
export function createPacer(buckets: readonly Bucket[], deps: PacerDeps): Pacer {
  const levels = new Map<string, Level>();
  let pausedUntil = 0;

  const levelOf = (key: string, burst: number): Level => {
    const known = levels.get(key);
    if (known) return known;
    if (levels.size >= KEYS_MAX) forgetIdle(levels, deps.now());
    const fresh = { tokens: burst, at: deps.now(), pausedUntil: 0 };
    levels.set(key, fresh);
    return fresh;
  };
  const countedIn = (request: Paced) =>
    buckets.flatMap(({ name, limit, keyOf }) => {
      const key = keyOf(request);
      return key === null ? [] : [{ limit, level: levelOf(`${name} ${key}`, limit?.burst ?? 0) }];
    });

  /** Milliseconds until every bucket of the request has a token; takes the tokens where that is now. */
  const take = (request: Paced): number => {
    const now = deps.now();
    const counted = countedIn(request);
    const resumesAt = Math.max(pausedUntil, counted.at(-1)?.level.pausedUntil ?? 0);
    if (resumesAt > now) return resumesAt - now;
    let waitMs = 0;
    for (const { limit, level } of counted) {
      if (!limit) continue;
      level.tokens = Math.min(limit.burst, level.tokens + ((now - level.at) * limit.perMinute) / 60_000);
      level.at = now;
      if (level.tokens < 1) waitMs = Math.max(waitMs, ((1 - level.tokens) * 60_000) / limit.perMinute);
    }
    if (waitMs > 0) return waitMs;
    for (const { limit, level } of counted) if (limit) level.tokens -= 1;
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
    pause(request, ms) {
      const own = countedIn(request).at(-1)?.level;
      const until = deps.now() + ms;
      if (own) own.pausedUntil = Math.max(own.pausedUntil, until);
      else pausedUntil = Math.max(pausedUntil, until);
    },
    pauseAll(ms) {
      pausedUntil = Math.max(pausedUntil, deps.now() + ms);
    },
  };
}

/** Limits are by the minute: after one, every bucket is as new. */
function forgetIdle(levels: Map<string, Level>, now: number): void {
  for (const [key, { at, pausedUntil }] of levels)
    if (Math.max(at + 60_000, pausedUntil) < now) levels.delete(key);
}
