/** Accounts of the Demo store: looked up, read, listed and changed. */

import type { Update, Write } from '../../model/change.ts';
import type { Applied, KindConnector } from '../connector.ts';
import type { DemoAccounts } from './accounts.ts';
import { applied, attempt, demoError, TAKEN } from './errors.ts';
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
  switch (change.op) {
    case 'update':
      return update(accounts, storeId, identifiedBy, change, action);
    case 'enable':
      return applied(remoteId, await switched(accounts, storeId, remoteId, true), action);
    case 'disable': {
      const written = await switched(accounts, storeId, remoteId, false);
      return { remoteId, outcome: written === 'missing' ? 'gone' : 'done' };
    }
    case 'delete': {
      const written = await accounts.deleteAccount(storeId, remoteId);
      return { remoteId, outcome: written === 'missing' ? 'gone' : 'done' };
    }
  }
}

async function switched(accounts: DemoAccounts, storeId: string, remoteId: string, enabled: boolean) {
  return (await accounts.updateAccount(storeId, remoteId, { enabled })) === 'missing' ? 'missing' : 'done';
}

/**
 * As at a vendor: the bridge finds the account by its new address from now on, and no other account may have that
 * address.
 */
async function update(
  accounts: DemoAccounts,
  storeId: string,
  identifiedBy: IdentifiedBy,
  { remoteId, attributes: changes }: Update<'user'>,
  action: string,
): Promise<Applied<'user'>> {
  const { [identifiedBy]: identifier, ...rest } = Object.fromEntries(
    changes.map(({ name, to }) => [name, to]),
  );
  if (identifier === undefined || identifier === '') {
    const attributes = identifier === undefined ? rest : { ...rest, [identifiedBy]: identifier };
    const written = await accounts.updateAccount(storeId, remoteId, { attributes });
    return applied(remoteId, written === 'missing' ? 'missing' : 'done', action);
  }
  const attributes = { ...rest, [identifiedBy]: identifier };
  const written = await accounts.updateAccount(storeId, remoteId, { attributes, identifier });
  if (written !== 'taken') return applied(remoteId, written, action);
  const notAccepted = [{ attribute: identifiedBy, reason: TAKEN, taken: true }];
  if (Object.keys(rest).length === 0) return { remoteId, outcome: 'already', notAccepted };
  const again = await accounts.updateAccount(storeId, remoteId, { attributes: rest });
  return { ...applied(remoteId, again === 'missing' ? 'missing' : 'done', action), notAccepted };
}
