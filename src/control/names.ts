/**
 * Names of stores, connections and tokens are unique in their environment, without regard to case. Rows from
 * before may share one: they keep it until they are renamed.
 */

import { RequestError } from '../model/errors.ts';

/** Throws a 409 where one of the others has the name. Wants the environment's lock, or two could win. */
export function refuseTakenName(
  what: string,
  name: string,
  others: readonly { readonly name: string | null }[],
): void {
  const taken = others.find((other) => other.name !== null && fold(other.name) === fold(name));
  if (!taken) return;
  throw new RequestError(409, `There is a ${what} ${taken.name} already; choose another name.`, [
    { pointer: '/name', detail: 'name is taken' },
  ]);
}

function fold(name: string): string {
  return name.trim().toLowerCase();
}
