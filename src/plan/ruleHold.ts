/** Holds what would end because a group that a rule names was deleted. Nobody left that group. */

import type { Hold, MembershipChange } from '../model/change.ts';
import type { MembershipPlan } from './groups/members.ts';

export function ruleHold(groupName: string): Hold {
  return {
    kind: 'rule',
    reason: `the group "${groupName}", which a rule names, was deleted with its members in it`,
  };
}

/** `departed`: the name of the deleted group, by person. */
export function holdDeparted(plan: MembershipPlan, departed: ReadonlyMap<string, string>): MembershipPlan {
  const held = (change: MembershipChange): MembershipChange => {
    const from = change.op === 'revoke' ? departed.get(change.member.personId ?? '') : undefined;
    return from === undefined ? change : { ...change, hold: ruleHold(from) };
  };
  return { ...plan, changes: plan.changes.map(held) };
}
