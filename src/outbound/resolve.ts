/** Resolves names to addresses with the system's resolver, a few at a time. */

import { type LookupAddress, lookup } from 'node:dns';

export type Resolve = (
  host: string,
  options: { readonly all: true },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Resolving uses threads that the embedded database needs too, and a slow name server blocks one for seconds: only
 * this many at once.
 */
const AT_ONCE_MAX = 2;

export function createResolve(resolveNow: Resolve = lookup): Resolve {
  let busy = 0;
  const waiting: (() => void)[] = [];
  return (host, options, done) => {
    const start = () => {
      busy += 1;
      resolveNow(host, options, (error, addresses) => {
        busy -= 1;
        waiting.shift()?.();
        done(error, addresses ?? []);
      });
    };
    if (busy < AT_ONCE_MAX) start();
    else waiting.push(start);
  };
}
