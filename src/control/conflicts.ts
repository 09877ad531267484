/**
 * Refuses a change because of what the database holds by now: another resource has the name, or the resource is not
 * of the version that the admin expected. The caller checks both under a lock, in the transaction of the change.
 */

import { RequestError } from '../model/errors.ts';
import { type Clock, isoTime } from '../support/clock.ts';

interface Named {
  readonly name: string | null;
}

/**
 * Names of stores, connections and tokens are unique in their environment, ignoring case. Older rows that share a
 * name keep it until an admin renames them. The caller holds the environment's lock, or two requests could both get
 * the name. Throws a 409.
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
 * The version of a resource is the time of its last change by an admin; every change moves it. The request expects
 * one of these versions; null: any.
 */
export type Versions = readonly string[] | null;

interface Versioned {
  readonly name: string;
  readonly updatedAt: string;
}

/** Throws a 412. The caller holds the row's lock. */
export function refuseOtherVersion(expected: Versions, { name, updatedAt }: Versioned): void {
  if (expected === null || expected.includes(updatedAt)) return;
  throw new RequestError(
    412,
    `${name} was changed meanwhile: its version is "${updatedAt}", not that of If-Match. Read it and try again.`,
  );
}

/** The time now, but always later than the version before, even if the clock was set back. */
export function timeAfter(before: string, clock: Clock): string {
  return isoTime(Math.max(clock.now(), Date.parse(before) + 1));
}
