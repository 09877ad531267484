/**
 * Reads the members of a source's groups, a few groups at once. A group that cannot be read is reported as unread, and
 * the others go on.
 */

import { readAhead } from './ahead.ts';
import { createUnreadCount } from './lookups.ts';
import type { ScanPage, SourceMember } from './source.ts';

export async function* memberPagesOf(
  groupIds: Iterable<string>,
  atOnce: number,
  read: (groupId: string) => Promise<readonly SourceMember[]>,
): AsyncGenerator<ScanPage> {
  const unread = createUnreadCount();
  const readOne = async (groupId: string) => {
    try {
      return { groupId, members: await read(groupId) };
    } catch (error) {
      return { groupId, error };
    }
  };
  for await (const { groupId, members, error } of readAhead(groupIds, atOnce, readOne)) {
    if (members) {
      unread.read();
      yield { kind: 'members', groupId, members, isLast: true };
    } else {
      yield { kind: 'unread', what: 'members', id: groupId, reason: unread.heard(error) };
    }
  }
}
