/**
 * Notes which attributes an identity provider sends, outside of the request's own path: each name once in a while.
 */

import { recordAttributesSeen } from '../../db/identity/attributesSeen.ts';
import type { Directory } from '../../directory/write.ts';
import { isoTime } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';
import type { Scim } from './call.ts';

const NAME_CHARACTERS_MAX = 200;
/** How many names memory holds; beyond that, no new name is noted until the next start. */
const NOTED_MAX = 20_000;
/** `lastSeenAt` may be this much too old. */
const NOTE_AGAIN_MS = 60 * 60_000;

/** Never fails, because the write has committed already. */
export function createNotes(directory: Directory, log: Log | undefined): Scim['recordAttributesSeen'] {
  /** For each key, when it was noted last. */
  const noted = new Map<string, number>();
  return async (call, kind, names) => {
    const now = directory.clock.now();
    const connectionId = call.principal.connection.id;
    const isFresh = (name: string) => {
      const at = noted.get(keyOf(connectionId, kind, name));
      return at === undefined ? noted.size < NOTED_MAX : now - at >= NOTE_AGAIN_MS;
    };
    const fresh = [...new Set(names.map(bounded))].filter(isFresh);
    if (fresh.length === 0) return;
    try {
      await recordAttributesSeen(directory.db, { connectionId, kind, names: fresh, at: isoTime(now) });
      for (const name of fresh) noted.set(keyOf(connectionId, kind, name), now);
    } catch (error) {
      log?.warn({ err: error, connectionId }, 'could not note attributes that the identity provider sent');
    }
  };
}

function bounded(name: string): string {
  return name.length <= NAME_CHARACTERS_MAX ? name : name.slice(0, NAME_CHARACTERS_MAX).toWellFormed();
}

function keyOf(connectionId: string, kind: string, name: string): string {
  return `${connectionId} ${kind} ${name}`;
}
