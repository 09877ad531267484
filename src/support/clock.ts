/** Time, as the one thing that tests and the simulation replace. */

export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some moment; setting the clock does not change it. Absent: the wall clock never leaps. */
  monotonic?(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

/**
 * The reason of an abort that only ends a sleep. A plain `abort()` would make an error, which takes longer than
 * ending the sleep.
 */
export const ENOUGH = 'enough';

/** As `sleep`, but an abort only ends it early. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** UTC with milliseconds: the bridge stores and answers times only in this form, which sorts as text. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
