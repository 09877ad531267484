/** Identifiers. */

import { uuid } from './random.ts';

/** A random UUID; every id that the bridge hands out is one, but `default` for the first environment. */
export function newId(): string {
  return uuid();
}
