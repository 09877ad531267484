/**
 * How long a refused client should wait, in whole seconds for `Retry-After`. Identity providers understand only
 * seconds; Okta doubles them, and gives up after ten tries.
 */

/** While the database does not answer. */
export const OUTAGE_SECONDS = 10;
/** While no worker runs. */
export const NO_WORKER_SECONDS = 5;

/** A client refused for overload waits this long at first, and longer with each step. */
const FIRST_SECONDS = 5;
const LAST_SECONDS = 30;
/** After this many refusals, the wait grows by the first one. */
const REFUSALS_PER_STEP = 10;
/** Without a refusal for this long, the overload is over. */
const FORGET_MS = 60_000;
/** How many clients are remembered; beyond that the oldest is forgotten. */
const REMEMBERED_MAX = 10_000;

/** Answers the seconds for `Retry-After`. `who`: the client that is refused. */
export type Overload = (who: string) => number;

export function createOverload(clock: { now(): number }): Overload {
  /** In the order of their last refusal. */
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
