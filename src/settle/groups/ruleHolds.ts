/** Holds memberships that would end only because a group that a rule names was deleted. Reads the database only. */

import { departedFrom } from '../../db/stores/departedMembers.ts';
import type { MembershipPlan } from '../../plan/groups/members.ts';
import { holdDeparted } from '../../plan/ruleHold.ts';
import type { Planning } from '../planning.ts';

/** `groupIds`: the SCIM groups that feed the remote group, or fed it until they were deleted. */
export async function withRuleHolds(
  { db, context }: Planning,
  plan: MembershipPlan,
  groupIds: readonly string[],
): Promise<MembershipPlan> {
  const named = groupIds.filter((id) => context.scope.named.has(id));
  const people = plan.changes.flatMap(({ op, member }) => (op === 'revoke' ? (member.personId ?? []) : []));
  if (named.length === 0 || people.length === 0 || context.store.status === 'DELETING') return plan;
  return holdDeparted(plan, await departedFrom(db, named, people));
}
