/** Identifiers. */

import { uuid } from './random.ts';

/** A random UUID. Every id of the bridge is one, except `default` for the first environment. */
export function newId(): string {
  return uuid();
}
