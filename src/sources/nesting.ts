/** Groups inside groups: where the inner one is not shown, its members count as the outer one's. */

import type { SourceMember } from './source.ts';

/** `hidden` answers the inner group to read, or null for one that is shown with its own members. */
export async function withHiddenGroups<Group extends string | { readonly id: string }>(
  group: Group,
  direct: (group: Group) => Promise<readonly SourceMember[]>,
  hidden: (id: string) => Group | null,
): Promise<readonly SourceMember[]> {
  const idOf = (one: Group) => (typeof one === 'string' ? one : one.id);
  const members = new Map<string, SourceMember>();
  const seen = new Set([idOf(group)]);
  const open = [group];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const member of await direct(next)) {
      const inner = member.kind === 'group' ? hidden(member.id) : null;
      if (inner === null) members.set('id' in member ? `${member.kind} ${member.id}` : member.kind, member);
      else if (!seen.has(idOf(inner))) {
        seen.add(idOf(inner));
        open.push(inner);
      }
    }
  }
  return [...members.values()];
}
