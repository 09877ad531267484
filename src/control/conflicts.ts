/**
 * What stands against a change: a name that somebody has, or a version that is not the one that was meant.
 * Both are judged under a lock, in the transaction of the change.
 */

import { RequestError } from '../model/errors.ts';
import { type Clock, isoTime } from '../support/clock.ts';

interface Named {
  readonly name: string | null;
}

/**
 * Names of stores, connections and tokens are unique in their environment, without regard to case. Rows from
 * before may share one: they keep it until they are renamed. Wants the environment's lock, or two could win.
 * Throws a 409.
 */
export function refuseTakenName(what: string, name: string, others: readonly Named[]): void {
  const taken = others.find((other) => other.name !== null && fold(other.name) === fold(name));
  if (!taken) return;
  throw new RequestError(409, `There is a ${what} ${taken.name} already; choose another name.`, [
    { pointer: '/name', detail: 'name is taken' },
  ]);
}

function fold(name: string): string {
  return name.trim().toLowerCase();
}

/**
 * The version of what admins change is the time of its last change, which never stands still. One of these is
 * meant; null: whatever version there is.
 */
export type Versions = readonly string[] | null;

interface Versioned {
  readonly name: string;
  readonly updatedAt: string;
}

/** Throws a 412. Wants the row's lock. */
export function refuseOtherVersion(expected: Versions, { name, updatedAt }: Versioned): void {
  if (expected === null || expected.includes(updatedAt)) return;
  throw new RequestError(
    412,
    `${name} was changed meanwhile: its version is "${updatedAt}", not that of If-Match. Read it and try again.`,
  );
}

/** Now, and later than the version before whatever the clock says. */
export function timeAfter(before: string, clock: Clock): string {
  return isoTime(Math.max(clock.now(), Date.parse(before) + 1));
}
