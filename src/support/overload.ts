/**
 * How long whoever is refused for overload is asked to wait: 5 s at first, longer the more often. Identity
 * providers take whole seconds alone; Okta doubles them, and gives up after ten tries.
 */

const FIRST_SECONDS = 5;
const LAST_SECONDS = 30;
/** So many refusals make the wait longer by as much as the first one. */
const REFUSALS_PER_STEP = 10;
/** Without a refusal for so long the load is over. */
const FORGET_MS = 60_000;
/** Who were refused at once; beyond them the oldest is forgotten. */
const REMEMBERED_MAX = 10_000;

/** Seconds for `Retry-After`, by whoever is refused. */
export type Overload = (who: string) => number;

export function createOverload(clock: { now(): number }): Overload {
  /** In the order of the last refusal. */
  const refused = new Map<string, { count: number; at: number }>();
  return (who) => {
    const now = clock.now();
    const before = refused.get(who);
    const count = before && now - before.at < FORGET_MS ? before.count + 1 : 1;
    refused.delete(who);
    refused.set(who, { count, at: now });
    const [oldest] = refused.keys();
    if (refused.size > REMEMBERED_MAX && oldest !== undefined) refused.delete(oldest);
    const steps = Math.floor((count - 1) / REFUSALS_PER_STEP);
    return Math.min(LAST_SECONDS, FIRST_SECONDS * (1 + steps));
  };
}
