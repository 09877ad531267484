/** Accounts of the Demo store: looked up, read, listed and changed. */

import type { Write } from '../../model/change.ts';
import type { Applied, KindConnector } from '../connector.ts';
import type { DemoAccounts, DemoWrite } from './accounts.ts';
import { applied, attempt, demoError } from './errors.ts';
import { type IdentifiedBy, normalizeUser, toRemoteUser } from './mapping.ts';
import { PAGE_SIZE, pageOf } from './pages.ts';

export function demoUsers(
  accounts: DemoAccounts,
  storeId: string,
  identifiedBy: IdentifiedBy,
): KindConnector<'user'> {
  return {
    normalize: normalizeUser,
    find: (identifier) =>
      attempt(`find user ${identifier}`, false, async () => {
        const account = await accounts.accountByIdentifier(storeId, identifier);
        return account && toRemoteUser(account, identifiedBy);
      }),
    read: (remoteId) =>
      attempt(`read user ${remoteId}`, false, async () => {
        const account = await accounts.account(storeId, remoteId);
        return account && toRemoteUser(account, identifiedBy);
      }),
    scan: (cursor) =>
      attempt('list users', false, async () => {
        const found = await accounts.accounts(storeId, cursor, PAGE_SIZE);
        return pageOf(found.map((account) => toRemoteUser(account, identifiedBy)));
      }),
    apply: (change) => {
      const action = `${change.op} user ${change.subject.display}`;
      return attempt(action, true, () => apply(accounts, storeId, identifiedBy, change, action));
    },
  };
}

async function apply(
  accounts: DemoAccounts,
  storeId: string,
  identifiedBy: IdentifiedBy,
  change: Write<'user'>,
  action: string,
): Promise<Applied<'user'>> {
  if (change.op === 'create') {
    const account = await accounts.createAccount(storeId, change);
    if (!account) throw demoError(action, 'conflict', `${change.identifier} is taken`);
    return { remoteId: account.id, outcome: 'done', observed: toRemoteUser(account, identifiedBy) };
  }
  const { remoteId } = change;
  const set = (update: Parameters<DemoAccounts['updateAccount']>[2]): Promise<DemoWrite> =>
    accounts.updateAccount(storeId, remoteId, update);
  switch (change.op) {
    case 'update': {
      const attributes = Object.fromEntries(change.attributes.map(({ name, to }) => [name, to]));
      // As at a vendor: a new address is what the account is found by from now on.
      const identifier = attributes[identifiedBy];
      return applied(remoteId, await set({ attributes, ...(identifier ? { identifier } : {}) }), action);
    }
    case 'enable':
      return applied(remoteId, await set({ enabled: true }), action);
    case 'disable':
      return { remoteId, outcome: (await set({ enabled: false })) === 'missing' ? 'gone' : 'done' };
    case 'delete': {
      const written = await accounts.deleteAccount(storeId, remoteId);
      return { remoteId, outcome: written === 'missing' ? 'gone' : 'done' };
    }
  }
}
