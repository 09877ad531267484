/**
 * Keeps a connector below its vendor's rate limits, with a token bucket for each kind of request that the vendor
 * counts. Other apps share the limits, so a bucket learns: a 429 lowers its rate at once, the rate grows back slowly,
 * and the bridge believes what the vendor says of its limit. A part of each bucket is reserved for people who must
 * lose access.
 */

/** The part of a request at which pacing looks. */
export interface Paced {
  readonly method: string;
  readonly url: string;
}

export interface Limit {
  readonly perMinute: number;
  readonly burst: number;
  /** Other apps use the limit too, and may just have used half of the burst. */
  readonly shared?: true;
}

/** A kind of request that a vendor counts. */
export interface Bucket {
  readonly name: string;
  /** Absent where the vendor publishes no limit and only answers 429 when there was too much. */
  readonly limit?: Limit;
  /**
   * Null for a request of another kind. The vendor counts requests with different keys separately, such as those for
   * the members of each group.
   */
  keyOf(request: Paced): string | null;
}

/** The rate that an admin allows for a store, over all kinds; empty where none is set. */
export function allowed(perMinute: number | null): readonly Bucket[] {
  if (perMinute === null) return [];
  const limit = { perMinute, burst: Math.max(1, Math.floor(perMinute / BURSTS_PER_MINUTE)) };
  return [{ name: 'everything', limit, keyOf: () => '' }];
}

/** A burst may use the requests of three seconds. */
const BURSTS_PER_MINUTE = 20;

/** For whom a request leaves, and until when it may wait. */
export interface Turn {
  readonly signal: AbortSignal;
  /** Somebody must lose access: this request may use the reserve. */
  readonly urgent?: boolean | undefined;
}

/** What a vendor's answer says about its limit (`RateLimit-Remaining`, `RateLimit-Reset`). */
export interface Quota {
  readonly remaining: number;
  readonly resetMs: number;
}

export interface Pacer {
  /**
   * Resolves to 0 when the request may go out. If the wait is longer than `PACE_WAIT_MAX_MS`, answers the
   * milliseconds instead of waiting, so that the caller can do something else first. Rejects when the signal aborts.
   */
  wait(request: Paced, turn: Turn): Promise<number>;
  /** The vendor limits this kind of request: none goes out for `ms`, and fewer than before from then on. */
  limited(request: Paced, ms: number, sentAt: number): void;
  /** No request of this kind goes out for `ms`; others do. */
  pause(request: Paced, ms: number): void;
  /** The vendor said how many requests of any kind it lets pass, and until when. */
  heed(quota: Quota): void;
  /** Nothing goes out for `ms`. */
  pauseAll(ms: number): void;
}

export interface PacerDeps {
  /** Monotonic milliseconds. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const PACE_WAIT_MAX_MS = 1_000;
/** Beyond this many keys, the pacer forgets those for which nobody has to wait. */
const KEYS_MAX = 10_000;
/** A cut leaves this share of the rate; this share of the full rate comes back each minute. */
const CUT = 0.5;
const GROWTH_PER_MINUTE = 0.05;
/** A rate never falls below this share of the limit. */
const SHARE_MIN = 1 / 32;
/** The share of a burst that is reserved for people who must lose access. */
const RESERVE = 0.1;
/** This many requests must have left since the last refusal before the next one says something about the rate. */
const SENT_MIN = 2;

/** The bucket of one key. */
class Level {
  tokens: number;
  at: number;
  pausedUntil = 0;
  /** The vendor's limit; null where it publishes none, and then only its pauses count. */
  readonly limit: Limit | null;
  /** The share of the limit in use, as of the last cut. */
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

  /** Lowers the rate. A request that left before the last cut says nothing new. */
  cut(now: number, sentAt: number): void {
    this.tokens = 0;
    this.at = now;
    const sent = this.#sent;
    this.#sent = 0;
    if (sentAt <= this.#cutAt) return;
    // A vendor that lets nothing pass says nothing about the rate.
    if (sent < SENT_MIN && this.#cutAt > Number.NEGATIVE_INFINITY) return;
    this.#share = Math.max(SHARE_MIN, this.#shareAt(now) * CUT);
    this.#cutAt = now;
  }

  /** Nobody has to wait for this key, and it has nothing learned to remember. */
  isIdle(now: number): boolean {
    return Math.max(this.at + 60_000, this.pausedUntil) < now && this.#shareAt(now) === 1;
  }

  #shareAt(now: number): number {
    return Math.min(1, this.#share + (GROWTH_PER_MINUTE * (now - this.#cutAt)) / 60_000);
  }
}

/**
 * Buckets of many kinds come first: the last bucket that counts a request is the one of its own kind, to which a 429
 * refers.
 */
export function createPacer(buckets: readonly Bucket[], deps: PacerDeps): Pacer {
  const levels = new Map<string, Level>();
  let pausedUntil = 0;
  /** What the vendor last said is left, minus what was sent since. */
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

  /** Milliseconds until every bucket of the request has a token; takes the tokens if that is now. */
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
      // Answers overtake each other: within one window, the lowest number is the latest.
      const isSame = quota.until > now && until < quota.until + QUOTA_SLACK_MS;
      quota = { remaining: isSame ? Math.min(quota.remaining, remaining) : remaining, until };
    },
    pauseAll(ms) {
      pausedUntil = Math.max(pausedUntil, deps.now() + ms);
    },
  };
}

/** Vendors give the end of a window in whole seconds. */
const QUOTA_SLACK_MS = 2_000;

function forgetIdle(levels: Map<string, Level>, now: number): void {
  for (const [key, level] of levels) if (level.isIdle(now)) levels.delete(key);
}
