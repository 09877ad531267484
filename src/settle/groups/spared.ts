/**
 * Which members of SCIM groups have protected accounts, to which the bridge grants nothing. Reads the database only.
 */

import { knownAccounts } from '../../db/seen/knownPeople.ts';
import { protectedMembers } from '../../db/seen/spared.ts';
import type { MemberSituation } from '../../plan/groups/member.ts';
import { namesOfLink, protectedAs, protectorBy } from '../people/protection.ts';
import type { Planning } from '../planning.ts';
import { mayBeProtected } from '../purged.ts';

/** Protected accounts that are linked, or were only found under the person's identifier. */
export async function sparedMembers(
  { db, context }: Planning,
  groupIds: readonly string[],
  basics: Pick<MemberSituation, 'overwrite' | 'groupGone'>,
): Promise<readonly MemberSituation[]> {
  const members = await protectedMembers(db, context.store.id, groupIds);
  return members.map((member) => ({
    ...basics,
    member: { ...member, level: null },
    wanted: true,
    lifecycle: 'active',
    account: 'enabled',
    ledger: null,
    level: null,
    isProtected: true,
  }));
}

/** Which linked accounts are protected, even where nobody has looked at their people since the setting was saved. */
export async function protectedLinks(
  { db, context }: Planning,
  accounts: readonly { readonly remoteId: string }[],
): Promise<(remoteId: string) => boolean> {
  const remoteIds = accounts.map(({ remoteId }) => remoteId);
  const known = await knownAccounts(db, context.store.id, remoteIds);
  const protect = protectorBy(context, protectedAs(known));
  return (remoteId) => {
    const link = known.get(remoteId)?.link ?? undefined;
    const names = link ? namesOfLink(context, link) : [];
    return protect(remoteId, names) !== null || mayBeProtected(context, link);
  };
}
