/**
 * Lets a connection speak for a person on a store, once an admin has approved all of its changes that were held
 * there. Until then, and where the admin discarded one, everything else that it brings waits too.
 */

import { type LossRecord, standingOfPerson } from '../../db/brake/losses.ts';
import { speakingUser } from '../../db/identity/persons.ts';
import type { Db } from '../../db/open.ts';
import { approveSpeaker } from '../../db/people/speakers.ts';

/** `rows` have just been approved. */
export async function letSpeak(tx: Db, rows: readonly LossRecord[]): Promise<void> {
  const people = new Map(rows.filter(isOfSpeaker).map((row) => [`${row.storeId} ${row.personKey}`, row]));
  for (const { storeId, personKey: personId } of people.values()) {
    const all = (await standingOfPerson(tx, storeId, personId)).filter(isOfSpeaker);
    if (all.some(({ state }) => state !== 'approved')) continue;
    const user = await speakingUser(tx, personId);
    if (user) await approveSpeaker(tx, storeId, personId, user.connectionId);
  }
}

function isOfSpeaker({ change }: LossRecord): boolean {
  return change.hold?.kind === 'speaker';
}
