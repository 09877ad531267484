/** The members of SCIM groups whose accounts are protected, so that nobody grants them anything. */

import { protectedMembers } from '../../db/seen/spared.ts';
import type { MemberSituation } from '../../plan/groups/member.ts';
import type { Planning } from '../planning.ts';

/** Linked before, or only found under their identifier. */
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
