/** Makes two people one: what the newcomer had is the other person's from then on. */

import { type Db, forUpdate } from '../open.ts';
import { giveIdentities } from '../pull/identities.ts';
import { lookAtAllMembers } from '../queue/changedMembers.ts';
import { type LinkRecord, toLink } from '../seen/links.ts';

export interface Merged {
  /** The newcomer's links to accounts on stores where the other person has an account too: nobody has those now. */
  readonly unlinked: readonly LinkRecord[];
}

/** Locks the person. The caller has locked the newcomer. */
export async function mergePerson(tx: Db, newcomerId: string, personId: string): Promise<Merged> {
  await forUpdate(tx, tx('persons').where({ id: personId })).first('id');
  await tx('users').where({ person_id: newcomerId }).update({ person_id: personId });
  await giveIdentities(tx, newcomerId, personId);
  await tx('person_words').where({ person_id: newcomerId }).update({ person_id: personId });
  const ofNewcomer = () => tx('links').where({ kind: 'user', subject_id: newcomerId });
  const ofPerson = () => tx('links').where({ kind: 'user', subject_id: personId });
  const taken: { store_id: string }[] = await ofPerson().whereNot({ state: 'removed' }).select('store_id');
  const stores = taken.map((row) => row.store_id);
  const unlinked: LinkRecord[] = (await ofNewcomer().whereIn('store_id', stores)).map(toLink);
  await ofNewcomer().whereIn('store_id', stores).delete();
  const moving: { store_id: string }[] = await ofNewcomer().select('store_id');
  await ofPerson()
    .whereIn(
      'store_id',
      moving.map((row) => row.store_id),
    )
    .delete();
  await ofNewcomer().update({ subject_id: personId });
  for (const table of ['tasks', 'losses', 'sync_statuses'])
    await tx(table).where({ kind: 'user', subject_id: newcomerId }).delete();
  await tx('leavers').where({ person_id: newcomerId }).delete();
  await lookAtAllMembers(tx, newcomerId);
  await tx('persons').where({ id: newcomerId }).update({ merged_into: personId });
  return { unlinked: unlinked.filter(({ state }) => state !== 'removed') };
}

/** The person that this one turned out to be; the id itself where nobody said so. */
export async function mergedInto(db: Db, personId: string): Promise<string> {
  const row = await db('persons').where({ id: personId }).first('merged_into');
  return row?.merged_into ?? personId;
}

/** The people who turned out to be this person. */
export async function mergedFrom(db: Db, personId: string): Promise<readonly string[]> {
  const rows = await db('persons').where({ merged_into: personId }).select('id');
  return rows.map((row: { id: string }) => row.id);
}
