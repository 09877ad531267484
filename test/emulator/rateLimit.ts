/** Token buckets as vendors keep them: so many requests a minute for a key, refilled evenly. */

export interface RateLimit {
  /** Seconds until the next request may come, rounded up; 0 when this one was within the limit. */
  take(key: string): number;
}

/** `now` in milliseconds. */
export function createRateLimit(perMinute: number, burst: number, now: () => number): RateLimit {
  const levels = new Map<string, { tokens: number; at: number }>();
  return {
    take(key) {
      const at = now();
      const level = levels.get(key) ?? { tokens: burst, at };
      level.tokens = Math.min(burst, level.tokens + ((at - level.at) * perMinute) / 60_000);
      level.at = at;
      levels.set(key, level);
      if (level.tokens < 1) return Math.max(1, Math.ceil(((1 - level.tokens) * 60) / perMinute));
      level.tokens -= 1;
      return 0;
    },
  };
}
