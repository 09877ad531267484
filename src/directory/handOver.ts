/**
 * What passes to another connection when an admin deletes one whose people that other has too: who speaks for them, and
 * which group a rule names. It takes and gives nobody anything; where the two differ, stores ask as for any new speaker.
 */

import { lower } from '../db/columns.ts';
import type { ConnectionRecord } from '../db/identity/connections.ts';
import type { GroupRecord } from '../db/identity/groups.ts';
import { speakingUsers } from '../db/identity/persons.ts';
import { sameGroupElsewhere } from '../db/identity/sameGroups.ts';
import type { Db } from '../db/open.ts';
import { setSpeaker, type Word, wordsOf } from '../db/people/speakers.ts';
import { rulesNaming } from '../db/stores/rules.ts';
import type { Cause } from '../model/cause.ts';
import { standInRules } from './ruledGroups.ts';

/** While its users are there: what the connection says of these people. */
export function lastWords(
  tx: Db,
  { id }: Pick<ConnectionRecord, 'id'>,
  personIds: readonly string[],
): Promise<readonly Word[]> {
  return wordsOf(tx, id, personIds);
}

/** Its users are gone: who else has these people speaks for them, where that changes neither access nor identity. */
export async function passSpeakers(tx: Db, words: readonly Word[]): Promise<void> {
  const speaking = await speakingUsers(
    tx,
    words.map(({ personId }) => personId),
  );
  for (const word of words) {
    const next = speaking.get(word.personId);
    if (!next || (next.active && !word.active)) continue;
    const isSame = lower(next.userName) === word.userName && next.primaryEmail === word.primaryEmail;
    if (isSame) await setSpeaker(tx, word.personId, next.connectionId);
  }
}

/** Before its members go: a rule that names the group names the same one of another connection from now on. */
export async function passRules(tx: Db, group: GroupRecord, cause: Cause, at: string): Promise<void> {
  if ((await rulesNaming(tx, group.environmentId, [group.id])).length === 0) return;
  const same = await sameGroupElsewhere(tx, group);
  if (same) await standInRules(tx, same, [group.id], 'is the same group in another connection', cause, at);
}
