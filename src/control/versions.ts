/**
 * The version of what admins change is the time of its last change, which never stands still: whoever read
 * one version and means to change that one, changes no other.
 */

import { RequestError } from '../model/errors.ts';
import { type Clock, isoTime } from '../support/clock.ts';

/** One of these, or null: whatever version there is. */
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
