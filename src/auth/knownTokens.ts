/**
 * Keeps the known tokens and sessions of the bridge in memory. A token that was revoked, here or by another replica,
 * is refused from the next request on. A flood of wrong tokens costs the database at most ten short reads a second.
 */

import type { AdminTokenRecord } from '../db/access/adminTokens.ts';
import {
  type Access,
  accessVersion,
  readAccess,
  type ScimAccess,
  type SessionAccess,
} from '../db/access/known.ts';
import type { Db } from '../db/open.ts';
import { keyedReadsOf } from '../db/reads.ts';
import type { Clock } from '../support/clock.ts';
import { hashToken } from './tokens.ts';

/** Each function rejects where the database does not answer: that says nothing about the token. */
export interface KnownTokens {
  /** Null where there is no such token; it also finds one that has ended. */
  scim(token: string): Promise<ScimAccess | null>;
  admin(token: string): Promise<AdminTokenRecord | null>;
  /** A token of either kind. */
  scimOrAdmin(token: string): Promise<Pick<AdminTokenRecord, 'validUntil'> | null>;
  /** A session, or the code of a sign-in link, by its secret. */
  session(secret: string): Promise<SessionAccess | null>;
}

/** A process asks the database about unknown tokens at most this often. */
const UNKNOWN_LOOK_EVERY_MS = 100;
const NEVER = new AbortController().signal;

export function createKnownTokens(db: Db, clock: Clock): KnownTokens {
  let known: Access | null = null;
  const read = async (): Promise<Access> => {
    const reads = keyedReadsOf(db);
    if (known === null || known.version !== (await accessVersion(reads))) known = await readAccess(reads);
    return known;
  };
  const latest = shared(read);
  let unknownAt = Number.NEGATIVE_INFINITY;
  const latestForUnknown = shared(async () => {
    const waitMs = unknownAt + UNKNOWN_LOOK_EVERY_MS - clock.now();
    // A clock that is set back must not make a request wait for longer.
    if (waitMs > 0) await clock.sleep(Math.min(waitMs, UNKNOWN_LOOK_EVERY_MS), NEVER);
    unknownAt = clock.now();
    return latest();
  });
  const lookUp = async <T>(pick: (access: Access) => T | undefined): Promise<T | null> => {
    const isKnown = known !== null && pick(known) !== undefined;
    return pick(await (isKnown ? latest() : latestForUnknown())) ?? null;
  };
  return {
    scim(token) {
      const hash = hashToken(token);
      return lookUp((access) => access.scim.get(hash));
    },
    admin(token) {
      const hash = hashToken(token);
      return lookUp((access) => access.admin.get(hash));
    },
    scimOrAdmin(token) {
      const hash = hashToken(token);
      return lookUp((access) => access.scim.get(hash)?.token ?? access.admin.get(hash));
    },
    session(secret) {
      const hash = hashToken(secret);
      return lookUp((access) => access.sessions.get(hash));
    },
  };
}

/** Runs once at a time: a caller that comes during a run shares the next run, which begins after the call. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let underway: Promise<unknown> | null = null;
  let next: Promise<T> | null = null;
  const begin = (): Promise<T> => {
    next = null;
    const started = work();
    underway = started.then(
      () => {},
      () => {},
    );
    void underway.then(() => {
      underway = null;
    });
    return started;
  };
  return () => {
    if (underway === null) return begin();
    next ??= underway.then(begin);
    return next;
  };
}
