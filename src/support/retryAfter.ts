/**
 * How long whoever is refused is asked to wait, in the whole seconds of `Retry-After`. Identity providers take
 * nothing else; Okta doubles them, and gives up after ten tries.
 */

/** Until a database that does not answer may be there again. */
export const OUTAGE_SECONDS = 10;
/** Until a worker that nobody has seen may be there again. */
export const NO_WORKER_SECONDS = 5;

/** Of whoever is refused for overload: so long at first, and longer the more often. */
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
