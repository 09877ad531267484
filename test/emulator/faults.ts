/**
 * Faults on demand, for every emulator: the next matching requests fail, hang, or lose their connection
 * before or after they took effect. It decides nothing by chance, so a failing test repeats itself.
 */

export interface FaultMatch {
  readonly method?: string;
  /** A path, from its first slash and without the query, that ends so, or matches so. */
  readonly path?: string | RegExp;
  /** How many matching requests meet the fault; 1 where absent. */
  readonly times?: number;
}

export interface FaultAnswer {
  readonly status: number;
  readonly body?: unknown;
  /** In place of a body: not JSON. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Fault =
  | { readonly kind: 'answer'; readonly answer: FaultAnswer }
  /** No answer ever comes. */
  | { readonly kind: 'hang'; readonly applied: boolean }
  /** The connection is cut. */
  | { readonly kind: 'drop'; readonly applied: boolean };

export interface Faults {
  /** Answers so, and does not apply the request. */
  failNext(match: FaultMatch, answer: FaultAnswer): void;
  /** 429, with `Retry-After` in seconds. */
  limitNext(match: FaultMatch, retryAfterSeconds: number): void;
  hangNext(match: FaultMatch, options?: { readonly applied?: boolean }): void;
  dropNext(match: FaultMatch, options?: { readonly applied?: boolean }): void;
  clear(): void;
  /** For the server: the fault that this request meets, used up by it; null where it meets none. */
  take(method: string, path: string): Fault | null;
}

export function createFaults(): Faults {
  let armed: { match: FaultMatch; fault: Fault; left: number }[] = [];
  const arm = (match: FaultMatch, fault: Fault) => {
    armed.push({ match, fault, left: match.times ?? 1 });
  };
  return {
    failNext: (match, answer) => arm(match, { kind: 'answer', answer }),
    limitNext: (match, retryAfterSeconds) =>
      arm(match, {
        kind: 'answer',
        answer: { status: 429, headers: { 'retry-after': String(retryAfterSeconds) } },
      }),
    hangNext: (match, options) => arm(match, { kind: 'hang', applied: options?.applied ?? false }),
    dropNext: (match, options) => arm(match, { kind: 'drop', applied: options?.applied ?? false }),
    clear: () => {
      armed = [];
    },
    take(method, path) {
      const met = armed.find((candidate) => candidate.left > 0 && meets(candidate.match, method, path));
      if (!met) return null;
      met.left -= 1;
      return met.fault;
    },
  };
}

function meets(match: FaultMatch, method: string, path: string): boolean {
  if (match.method !== undefined && match.method !== method) return false;
  if (match.path === undefined) return true;
  return typeof match.path === 'string' ? path.endsWith(match.path) : match.path.test(path);
}
