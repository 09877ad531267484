/** Which changes of a preview undo what somebody changed by hand at the store. Pure. */

import type { Change } from '../../model/change.ts';
import type { PersonFacts } from '../../settle/people/look.ts';
import type { PlannedGroup } from '../../settle/storePlan.ts';

export function personDrift({ drift }: PersonFacts, change: Change): boolean {
  const has = (...kinds: readonly string[]) => drift.items.some(({ kind }) => kinds.includes(kind));
  switch (change.op) {
    case 'update':
      return drift.items.some(
        ({ kind, attribute }) =>
          kind === 'attribute' && change.attributes.some(({ name }) => name === attribute),
      );
    case 'enable':
      return has('disabledThere', 'lockedThere');
    case 'disable':
    case 'delete':
      return has('enabledThere');
    case 'create':
    case 'adopt':
      return has('vanished');
    default:
      return false;
  }
}

export function groupDrift({ members, unseen, vanished, facts }: PlannedGroup, change: Change): boolean {
  switch (change.op) {
    case 'create':
    case 'adopt':
      return vanished !== null;
    case 'update':
      return facts.drift.items.length > 0;
    case 'grant':
      return (
        (members?.lowered.has(change.member.remoteId) ?? false) ||
        unseen.some((entry) => entry.origin !== 'foreign' && entry.remoteUserId === change.member.remoteId)
      );
    case 'revoke':
      return facts.link !== null && (members?.foreign.has(change.member.remoteId) ?? false);
    default:
      return false;
  }
}
