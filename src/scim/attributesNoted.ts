/** Notes the attributes that nobody knows: once for each name while the process runs, off the hot path. */

import { recordAttributesSeen } from '../db/attributesSeen.ts';
import type { Directory } from '../directory/write.ts';
import { isoTime } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import type { Scim } from './call.ts';

const NAME_CHARACTERS_MAX = 200;
/** Names remembered in memory; beyond them nothing new is noted until the next start. */
const NOTED_MAX = 20_000;

/** Never fails: the write that it belongs to is committed already. */
export function createNotes(directory: Directory, log: Log | undefined): Scim['noteUnknown'] {
  const noted = new Set<string>();
  return async (call, kind, names) => {
    const connectionId = call.principal.connection.id;
    const fresh = [...new Set(names.map((name) => name.slice(0, NAME_CHARACTERS_MAX).toWellFormed()))].filter(
      (name) => !noted.has(keyOf(connectionId, kind, name)),
    );
    if (fresh.length === 0 || noted.size >= NOTED_MAX) return;
    try {
      const at = isoTime(directory.clock.now());
      await recordAttributesSeen(directory.db, { connectionId, kind, names: fresh, at });
      for (const name of fresh) noted.add(keyOf(connectionId, kind, name));
    } catch (error) {
      log?.warn({ err: error, connectionId }, 'could not note attributes that the identity provider sent');
    }
  };
}

function keyOf(connectionId: string, kind: string, name: string): string {
  return `${connectionId} ${kind} ${name}`;
}
