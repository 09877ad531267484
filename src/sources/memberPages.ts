/**
 * Reads the members of a source's groups, a few groups at once. A group that cannot be read is reported as unread, and
 * the others go on.
 */

import { readAhead } from './ahead.ts';
import { createUnreadCount } from './lookups.ts';
import type { ScanPage, SourceMember } from './source.ts';

export interface DirectMembers {
  readonly members: readonly SourceMember[];
  /** Why the source does not say who else is in the group; null where these are all. */
  readonly unsaid: string | null;
}

export async function* memberPagesOf(
  groupIds: Iterable<string>,
  atOnce: number,
  read: (groupId: string) => Promise<DirectMembers>,
): AsyncGenerator<ScanPage> {
  const unread = createUnreadCount();
  const readOne = async (groupId: string) => {
    try {
      return { groupId, ...(await read(groupId)) };
    } catch (error) {
      return { groupId, members: null, unsaid: null, error };
    }
  };
  for await (const { groupId, members, unsaid, error } of readAhead(groupIds, atOnce, readOne)) {
    if (members) {
      unread.read();
      yield { kind: 'members', groupId, members, isLast: !unsaid };
      if (unsaid) yield { kind: 'unread', what: 'members', id: groupId, reason: unsaid };
    } else {
      yield { kind: 'unread', what: 'members', id: groupId, reason: unread.heard(error) };
    }
  }
}
