/**
 * Keeps a connector below its vendor's rate limits: a token bucket for each kind of request that the vendor counts. The
 * limits are shared with other apps, so a bucket learns: a 429 lowers its rate at once, it grows back slowly, and what
 * the vendor says of its limit is believed. People who must lose access find a reserve that nobody else may use.
 */

/** As much of a request as pacing looks at. */
export interface Paced {
  readonly method: string;
  readonly url: string;
}

export interface Limit {
  readonly perMinute: number;
  readonly burst: number;
  /** Other apps use it too, and may have used half of the burst just now. */
  readonly shared?: true;
}

/** A kind of request that a vendor counts. */
export interface Bucket {
  readonly name: string;
  /** Absent where the vendor names no limit, and only says so when there was too much. */
  readonly limit?: Limit;
  /**
   * Null for a request of another kind. The vendor counts requests with different keys apart, as those for the
   * members of each group.
   */
  keyOf(request: Paced): string | null;
}

/** What an admin allows on a store, whatever the kind; none where nothing is said. */
export function allowed(perMinute: number | null): readonly Bucket[] {
  if (perMinute === null) return [];
  const limit = { perMinute, burst: Math.max(1, Math.floor(perMinute / BURSTS_PER_MINUTE)) };
  return [{ name: 'everything', limit, keyOf: () => '' }];
}

/** Three seconds' worth at once. */
const BURSTS_PER_MINUTE = 20;

/** When a request leaves, and for whom. */
export interface Turn {
  readonly signal: AbortSignal;
  /** For somebody who must lose access: the reserve is for these. */
  readonly urgent?: boolean | undefined;
}

/** What a vendor says of its limit with an answer (`RateLimit-Remaining`, `RateLimit-Reset`). */
export interface Quota {
  readonly remaining: number;
  readonly resetMs: number;
}

export interface Pacer {
  /**
   * Resolves to 0 when the request may go out. A wait beyond `PACE_WAIT_MAX_MS` is not sat through but
   * returned, in milliseconds, so that the caller can do something else first. Rejects when the signal aborts.
   */
  wait(request: Paced, turn: Turn): Promise<number>;
  /** The vendor limits this one's kind: nothing of it goes out for so long, and less than before from then on. */
  limited(request: Paced, ms: number, sentAt: number): void;
  /** No request of this one's kind goes out for so long; others do. */
  pause(request: Paced, ms: number): void;
  /** The vendor says how much it lets pass until when, whatever the kind. */
  heed(quota: Quota): void;
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
/** What is left of a rate that was too high; and how much of the whole rate comes back in a minute. */
const CUT = 0.5;
const GROWTH_PER_MINUTE = 0.05;
/** A rate never falls below this share of the limit. */
const SHARE_MIN = 1 / 32;
/** Of a burst: what only those may use who must lose access. */
const RESERVE = 0.1;
/** So many requests must have left since the last refusal before one says something of the rate. */
const SENT_MIN = 2;

/** One bucket for one key. */
class Level {
  tokens: number;
  at: number;
  pausedUntil = 0;
  /** The vendor's; null where it names none, and then only its pauses count. */
  readonly limit: Limit | null;
  /** The share of the limit that is used, as it was when it was last cut. */
  #share = 1;
  #cutAt = Number.NEGATIVE_INFINITY;
  /** Requests since the last refusal. */
  #sent = 0;

  constructor(limit: Limit | undefined, now: number) {
    this.limit = limit ?? null;
    this.tokens = limit ? Math.ceil(limit.burst / (limit.shared ? 2 : 1)) : 0;
    this.at = now;
  }

  /** Milliseconds until there is a token. */
  waitMs(now: number, urgent: boolean): number {
    const share = this.#shareAt(now);
    const { limit } = this;
    if (limit === null) return 0;
    const perMs = (limit.perMinute * share) / 60_000;
    this.tokens = Math.min(limit.burst, this.tokens + (now - this.at) * perMs);
    this.at = now;
    const needed = 1 + (urgent ? 0 : Math.floor(limit.burst * RESERVE));
    return this.tokens >= needed ? 0 : (needed - this.tokens) / perMs;
  }

  take(): void {
    this.#sent += 1;
    if (this.limit !== null) this.tokens -= 1;
  }

  /** What was sent before the last cut says no more than what led to it. */
  cut(now: number, sentAt: number): void {
    this.tokens = 0;
    this.at = now;
    const sent = this.#sent;
    this.#sent = 0;
    if (sentAt <= this.#cutAt) return;
    // A vendor that lets nothing pass says nothing of the rate.
    if (sent < SENT_MIN && this.#cutAt > Number.NEGATIVE_INFINITY) return;
    this.#share = Math.max(SHARE_MIN, this.#shareAt(now) * CUT);
    this.#cutAt = now;
  }

  /** Nobody has to wait for it, now or because of what it learned. */
  isIdle(now: number): boolean {
    return Math.max(this.at + 60_000, this.pausedUntil) < now && this.#shareAt(now) === 1;
  }

  #shareAt(now: number): number {
    return Math.min(1, this.#share + (GROWTH_PER_MINUTE * (now - this.#cutAt)) / 60_000);
  }
}

/** Wide kinds first: the last bucket that counts a request is its own kind, the one that a 429 is about. */
export function createPacer(buckets: readonly Bucket[], deps: PacerDeps): Pacer {
  const levels = new Map<string, Level>();
  let pausedUntil = 0;
  /** As the vendor said last, less what was sent since. */
  let quota = { remaining: Number.POSITIVE_INFINITY, until: 0 };

  const levelOf = (key: string, limit: Limit | undefined): Level => {
    const known = levels.get(key);
    if (known) return known;
    if (levels.size >= KEYS_MAX) forgetIdle(levels, deps.now());
    const fresh = new Level(limit, deps.now());
    levels.set(key, fresh);
    return fresh;
  };
  const countedIn = (request: Paced) =>
    buckets.flatMap(({ name, limit, keyOf }) => {
      const key = keyOf(request);
      return key === null ? [] : [levelOf(`${name} ${key}`, limit)];
    });

  /** Milliseconds until every bucket of the request has a token; takes the tokens where that is now. */
  const take = (request: Paced, urgent: boolean): number => {
    const now = deps.now();
    const counted = countedIn(request);
    const resumesAt = Math.max(pausedUntil, counted.at(-1)?.pausedUntil ?? 0);
    if (resumesAt > now) return resumesAt - now;
    if (quota.until > now && quota.remaining < (urgent ? 1 : 2)) return quota.until - now;
    const waitMs = Math.max(0, ...counted.map((level) => level.waitMs(now, urgent)));
    if (waitMs > 0) return waitMs;
    for (const level of counted) level.take();
    quota.remaining -= 1;
    return 0;
  };

  const pause = (request: Paced, ms: number): void => {
    const until = deps.now() + ms;
    const own = countedIn(request).at(-1);
    if (own) own.pausedUntil = Math.max(own.pausedUntil, until);
    else pausedUntil = Math.max(pausedUntil, until);
  };

  return {
    async wait(request, { signal, urgent = false }) {
      let waitMs = take(request, urgent);
      while (waitMs > 0) {
        if (waitMs > PACE_WAIT_MAX_MS) return waitMs;
        await deps.sleep(Math.ceil(waitMs), signal);
        waitMs = take(request, urgent);
      }
      return 0;
    },
    limited(request, ms, sentAt) {
      countedIn(request).at(-1)?.cut(deps.now(), sentAt);
      pause(request, ms);
    },
    pause,
    heed({ remaining, resetMs }) {
      const now = deps.now();
      const until = now + resetMs;
      // Answers overtake each other: within one window the lowest is the latest.
      const isSame = quota.until > now && until < quota.until + QUOTA_SLACK_MS;
      quota = { remaining: isSame ? Math.min(quota.remaining, remaining) : remaining, until };
    },
    pauseAll(ms) {
      pausedUntil = Math.max(pausedUntil, deps.now() + ms);
    },
  };
}

/** Vendors say when a window ends in whole seconds. */
const QUOTA_SLACK_MS = 2_000;

function forgetIdle(levels: Map<string, Level>, now: number): void {
  for (const [key, level] of levels) if (level.isIdle(now)) levels.delete(key);
}
