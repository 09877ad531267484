/**
 * What every write to the directory shares: who asks, one transaction that is tried again where the
 * database says that two writers crossed, and the wake-up after the commit, never before.
 */

import { isDeepStrictEqual } from 'node:util';
import type { IdentifierHash } from '../db/access/identifierKey.ts';
import type { ConnectionRecord } from '../db/identity/connections.ts';
import type { Db } from '../db/open.ts';
import { transact } from '../db/transaction.ts';
import type { Cause } from '../model/cause.ts';
import type { Resource } from '../model/resource.ts';
import type { Clock } from '../support/clock.ts';
import type { Deadline } from './deadline.ts';
import type { Origin } from './origin.ts';
import { DirectoryRefusal } from './refusal.ts';

export interface Directory {
  readonly db: Db;
  readonly clock: Clock;
  /** Tells the worker that work was committed. */
  readonly wake: { signal(): void };
  readonly identifierHash: IdentifierHash;
}

/** Who writes to the directory, on whose behalf, and where it comes from. */
export interface Write {
  readonly environmentId: string;
  readonly connectionId: string;
  /** The connection's `userIdAttribute` and its mapping; absent: the userName, and the default mapping. */
  readonly inbound?: Pick<ConnectionRecord, 'userIdAttribute' | 'mapping'>;
  readonly cause: Cause;
  readonly origin: Origin;
  /** Until when it may be done; absent: whenever its turn comes. */
  readonly deadline?: Deadline;
}

/** True where the caller's precondition (`If-Match`) holds for this version. */
export type Precondition = (version: number) => boolean;

export function checkPrecondition(version: number, precondition: Precondition | null): void {
  if (precondition && !precondition(version)) {
    throw new DirectoryRefusal(
      'versionMismatch',
      `The resource is at version ${version} now. Read it again and repeat the change.`,
    );
  }
}

/** Commits what `body` wrote, or nothing of it. `body` may run more than once. Throws Late. */
export async function inTransaction<T>(
  directory: Pick<Directory, 'db'>,
  { deadline }: Pick<Write, 'deadline'>,
  body: (tx: Db) => Promise<T>,
): Promise<T> {
  return transact(directory.db, async (tx) => {
    deadline?.begin();
    const result = await body(tx);
    deadline?.commit();
    return result;
  });
}

/** One resource without its members, as JSON; the audit log keeps it too. */
const RESOURCE_CHARACTERS_MAX = 1024 * 1024;

/**
 * The resource as the database hands it back: without `undefined` and foreign prototypes. Throws
 * DirectoryRefusal invalidValue for one that is too large.
 */
export function asStored(resource: Resource): Resource {
  // First the texts alone: to make JSON of very long ones takes a moment in which nobody else has a turn.
  const text = charactersIn(resource) > RESOURCE_CHARACTERS_MAX ? null : JSON.stringify(resource);
  if (text !== null && text.length <= RESOURCE_CHARACTERS_MAX) return JSON.parse(text) as Resource;
  throw new DirectoryRefusal(
    'invalidValue',
    `The resource is larger than ${RESOURCE_CHARACTERS_MAX} characters.`,
  );
}

function charactersIn(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, part) => sum + charactersIn(part), 0);
}

/** Whatever the order of keys; the order of list elements counts. Both as stored. */
export function sameResource(a: Resource, b: Resource): boolean {
  return isDeepStrictEqual(a, b);
}

/** The top-level attributes that differ, before and after; null stands for an attribute that is not there. */
export function differences(before: Resource, after: Resource): { before: Resource; after: Resource } {
  const was: Record<string, unknown> = {};
  const is: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (isDeepStrictEqual(before[name], after[name])) continue;
    was[name] = before[name] ?? null;
    is[name] = after[name] ?? null;
  }
  return { before: was, after: is };
}
