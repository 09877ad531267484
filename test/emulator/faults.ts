/**
 * What can go wrong between a bridge and a vendor, on demand: a wrong answer, none at all, or a connection
 * that drops before or after the vendor acted. An emulator asks here first for each request.
 */

import type { Answer, EmulatedRequest } from './server.ts';

export type Fault =
  /** Answers this. With `applied`, the vendor acts first and its own answer is lost. */
  | {
      readonly kind: 'answer';
      readonly answer: Answer | ((request: EmulatedRequest) => Answer);
      readonly applied?: boolean;
    }
  /** Never answers; the connection stays open until the client or the emulator closes it. */
  | { readonly kind: 'hang'; readonly applied?: boolean }
  /** Closes the connection without an answer. With `applied`, the vendor acts first. */
  | { readonly kind: 'drop'; readonly applied?: boolean }
  /** Answers properly, but only after so long. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Acts and answers only then. */
  | { readonly kind: 'hold'; readonly until: Promise<void> };

export interface Injection {
  readonly fault: Fault;
  /** Which requests; all of them where absent. */
  readonly matches?: (request: EmulatedRequest) => boolean;
  /** How many matching requests; 1 where absent, `Infinity` until cleared. */
  readonly times?: number;
}

export interface Faults {
  /** Injections apply in the order in which they were made, one to a request. */
  inject(injection: Injection): void;
  clear(): void;
  /** The fault for this request, used up by the asking. */
  take(request: EmulatedRequest): Fault | null;
}

export function createFaults(): Faults {
  let waiting: { injection: Injection; left: number }[] = [];
  return {
    inject(injection) {
      waiting.push({ injection, left: injection.times ?? 1 });
    },
    clear() {
      waiting = [];
    },
    take(request) {
      const hit = waiting.find(({ injection }) => injection.matches?.(request) ?? true);
      if (!hit) return null;
      hit.left -= 1;
      if (hit.left <= 0) waiting = waiting.filter((entry) => entry !== hit);
      return hit.injection.fault;
    },
  };
}
