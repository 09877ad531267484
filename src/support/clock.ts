/** Time, as the one thing that tests and the simulation replace. */

export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from some moment on, whatever anybody sets the time to. Absent: the wall clock does not leap. */
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

/** The reason of an abort that only ends a sleep: `abort()` makes an error, which takes longer than the sleep's end. */
export const ENOUGH = 'enough';

/** The same, but the signal only ends it. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** UTC with milliseconds, the one form in which times are stored and answered; sorts as text. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
