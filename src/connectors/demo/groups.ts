/** Groups of the Demo store, which are made and renamed and never deleted. */

import type { Write } from '../../model/change.ts';
import type { Applied, KindConnector } from '../connector.ts';
import type { DemoAccounts } from './accounts.ts';
import { applied, attempt, demoError, TAKEN } from './errors.ts';
import { normalizeGroup, toRemoteGroup } from './mapping.ts';
import { PAGE_SIZE, pageOf } from './pages.ts';

export function demoGroups(accounts: DemoAccounts, storeId: string): KindConnector<'group'> {
  return {
    normalize: normalizeGroup,
    find: (name) =>
      attempt(`find group ${name}`, false, async () => {
        const group = await accounts.groupByName(storeId, name);
        return group && toRemoteGroup(group);
      }),
    read: (remoteId) =>
      attempt(`read group ${remoteId}`, false, async () => {
        const group = await accounts.group(storeId, remoteId);
        return group && toRemoteGroup(group);
      }),
    scan: (cursor) =>
      attempt('list groups', false, async () =>
        pageOf((await accounts.groups(storeId, cursor, PAGE_SIZE)).map(toRemoteGroup)),
      ),
    apply: (change) => {
      const action = `${change.op} group ${change.subject.display}`;
      return attempt(action, true, () => apply(accounts, storeId, change, action));
    },
  };
}

async function apply(
  accounts: DemoAccounts,
  storeId: string,
  change: Write<'group'>,
  action: string,
): Promise<Applied<'group'>> {
  switch (change.op) {
    case 'create': {
      const group = await accounts.createGroup(storeId, change.identifier);
      if (!group) throw demoError(action, 'conflict', `a group named ${change.identifier} is there already`);
      return { remoteId: group.id, outcome: 'done', observed: toRemoteGroup(group) };
    }
    case 'update': {
      const { remoteId } = change;
      const name = change.attributes.find((attribute) => attribute.name === 'name')?.to;
      if (name === undefined) return { remoteId, outcome: 'already' };
      const written = await accounts.renameGroup(storeId, remoteId, name);
      if (written !== 'taken') return applied(remoteId, written, action);
      return {
        remoteId,
        outcome: 'already',
        notAccepted: [{ attribute: 'name', reason: TAKEN, taken: true }],
      };
    }
    case 'delete':
      throw demoError(action, 'rejected', 'the bridge does not delete groups of the demo store');
  }
}
