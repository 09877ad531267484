/** Who is in which group of the Demo store. */

import type { MembershipChange } from '../../model/change.ts';
import type { Page, RemoteMember } from '../../model/remote.ts';
import type { MemberConnector, MemberOutcome } from '../connector.ts';
import type { DemoAccounts } from './accounts.ts';
import { attempt, demoError } from './errors.ts';
import { PAGE_SIZE, pageOf } from './pages.ts';

export function demoMembers(accounts: DemoAccounts, storeId: string): MemberConnector {
  return {
    memberLevel: null,
    members: (groupId, cursor) =>
      attempt(`read group ${groupId}`, false, () => list(accounts, storeId, groupId, cursor)),
    applyMembers: (changes) => attempt('change members', true, () => apply(accounts, storeId, changes)),
  };
}

async function list(
  accounts: DemoAccounts,
  storeId: string,
  groupId: string,
  cursor: string | null,
): Promise<Page<RemoteMember>> {
  if (!(await accounts.group(storeId, groupId))) {
    throw demoError(`read group ${groupId}`, 'missing', 'there is no such group');
  }
  const found = await accounts.members(groupId, cursor, PAGE_SIZE);
  return pageOf(
    found.map(({ accountId, identifierLower }) => ({
      remoteId: accountId,
      display: identifierLower,
      level: null,
    })),
  );
}

async function apply(
  accounts: DemoAccounts,
  storeId: string,
  changes: readonly MembershipChange[],
): Promise<readonly MemberOutcome[]> {
  const [first] = changes;
  if (!first) return [];
  const ids = changes.map(({ member }) => member.remoteId);
  if (!(await accounts.group(storeId, first.remoteId)))
    throw demoError(`change members of ${first.remoteId}`, 'missing', 'there is no such group');
  if (first.op === 'revoke') {
    const outcomes = await accounts.removeMembers(first.remoteId, ids);
    return ids.map((remoteId, index) => ({ remoteId, outcome: outcomes[index] ?? 'already' }));
  }
  const outcomes = await accounts.addMembers(storeId, first.remoteId, ids);
  return ids.map((remoteId, index) => {
    const outcome = outcomes[index] ?? 'missing';
    return outcome === 'missing'
      ? { remoteId, outcome: 'refused', reason: `there is no account ${remoteId}` }
      : { remoteId, outcome };
  });
}
