/**
 * What all writes to the directory share: who writes, one transaction that is repeated where the database reports a
 * conflict, and the signal to workers after the commit.
 */

import { isDeepStrictEqual } from 'node:util';
import type { IdentifierHash } from '../db/access/identifierKey.ts';
import type { ConnectionRecord } from '../db/identity/connections.ts';
import type { Db } from '../db/open.ts';
import { type Enqueue, PRIORITY } from '../db/queue/enqueue.ts';
import { transact } from '../db/transaction.ts';
import type { Cause } from '../model/cause.ts';
import type { Resource } from '../model/resource.ts';
import type { Subject } from '../model/subject.ts';
import type { Clock } from '../support/clock.ts';
import type { Deadline } from './deadline.ts';
import type { Origin } from './origin.ts';
import { DirectoryRefusal } from './refusal.ts';

export interface Directory {
  readonly db: Db;
  readonly clock: Clock;
  /** Tells workers that something was committed. */
  readonly wake: { signal(): void };
  readonly identifierHash: IdentifierHash;
}

/** Who writes to the directory, for whom, and where the write comes from. */
export interface Write {
  readonly environmentId: string;
  readonly connectionId: string;
  /** The connection's `userIdAttribute` and mapping; absent: the userName and the default mapping. */
  readonly inbound?: Pick<ConnectionRecord, 'userIdAttribute' | 'mapping'>;
  readonly cause: Cause;
  readonly origin: Origin;
  /** When the write must be done; absent: there is no limit. */
  readonly deadline?: Deadline;
}

/** True where this version meets the caller's precondition (`If-Match`). */
export type Precondition = (version: number) => boolean;

export function checkPrecondition(version: number, precondition: Precondition | null): void {
  if (precondition && !precondition(version)) {
    throw new DirectoryRefusal(
      'versionMismatch',
      `The resource is at version ${version} now. Read it again and repeat the change.`,
    );
  }
}

/** Commits everything that `body` wrote, or nothing. `body` may run more than once. Throws Late. */
export async function inTransaction<T>(
  directory: Pick<Directory, 'db'>,
  { deadline }: Pick<Write, 'deadline'>,
  body: (tx: Db) => Promise<T>,
): Promise<T> {
  const work = async (tx: Db) => {
    deadline?.begin();
    const result = await body(tx);
    deadline?.commit();
    return result;
  };
  return transact(directory.db, work, deadline?.leftMs);
}

/** What stores have to do for the subject, not ahead of others. */
export function taskOf(write: Write, subject: Subject, at: string): Enqueue {
  const { environmentId, cause } = write;
  return { environmentId, subject, priority: PRIORITY.normal, correlationIds: [cause.correlationId], at };
}

/** Of one resource without members, as JSON; the audit log stores it too. */
const RESOURCE_CHARACTERS_MAX = 1024 * 1024;

/**
 * The resource as the database returns it, without `undefined` and foreign prototypes. Throws DirectoryRefusal
 * invalidValue for one that is too large.
 */
export function asStored(resource: Resource): Resource {
  // Counts the texts first: turning very long ones into JSON would block everybody else for a moment.
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

/** Ignores the order of keys, but not that of list elements. Both are as stored. */
export function sameResource(a: Resource, b: Resource): boolean {
  return isDeepStrictEqual(a, b);
}

/** The top-level attributes that differ, before and after; null where an attribute is missing. */
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
