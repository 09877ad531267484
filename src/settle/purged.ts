/**
 * Accounts of people whose personal data was purged: the bridge notes that they are there and how they
 * stand, and not whose they are. Whoever takes something from one, or gives it back, asks the store first.
 */

import { purgedAccounts } from '../db/identity/retention.ts';
import { PURGED } from '../db/identity/users.ts';
import type { Db } from '../db/open.ts';
import { type LinkRecord, updateLink } from '../db/seen/links.ts';
import { observe } from '../db/seen/observations.ts';
import type { DesiredUser } from '../model/desired.ts';
import type { RemoteUser } from '../model/remote.ts';
import { keptAttributes } from '../plan/user.ts';
import type { StoreContext } from '../stores/desired.ts';
import type { Attempt } from './attempt.ts';

/** What a store shows of many accounts, without what it says of people who were purged while it was asked, or before. */
export async function withoutPurged<T extends { readonly remoteId: string }>(
  tx: Db,
  storeId: string,
  items: readonly T[],
  nameless: (item: T) => T,
): Promise<readonly T[]> {
  const ids = items.map((item) => item.remoteId);
  const purged = await purgedAccounts(tx, storeId, ids);
  return purged.size === 0 ? items : items.map((item) => (purged.has(item.remoteId) ? nameless(item) : item));
}

export function isNameless(link: LinkRecord): boolean {
  return link.state !== 'removed' && link.remoteName === PURGED;
}

/** Nobody can say by what is known; a membership is not worth asking for, while the account is disabled. */
export function mayBeProtected({ settings }: StoreContext, link: LinkRecord | undefined): boolean {
  return link !== undefined && isNameless(link) && settings.protectedAccounts.length > 0;
}

export interface MetAgain {
  readonly link: LinkRecord;
  /** Known for this task alone; null where nothing is to be taken from anybody. */
  readonly account: RemoteUser | null;
}

/** Null where the store says that the account is not there any more. */
export async function meetAgain(
  attempt: Attempt,
  link: LinkRecord,
  desired: DesiredUser,
): Promise<MetAgain | null> {
  const isKnown = desired.identifier !== null || Object.keys(desired.attributes).length > 0;
  const mayLose = desired.lifecycle === 'gone' || link.state === 'enabled' || link.state === 'invited';
  if (!isKnown && (desired.lifecycle === 'active' || !mayLose)) return { link, account: null };
  const { connector, store, definition } = attempt.context;
  const account = await connector.read('user', link.remoteId, attempt.calling('read').callContext);
  if (!account) return null;
  if (!isKnown) return { link, account };
  // As an adoption: what names the account stays as it is until the directory's value changes.
  const keptOnAdoption = definition.userAttributes.filter((a) => a.keptOnAdoption).map((a) => a.name);
  const patch = {
    remoteName: account.display,
    observed: account.attributes,
    applied: keptAttributes({ desired, keptOnAdoption }),
  };
  await attempt.record(async (tx) => {
    await updateLink(tx, link.id, patch, attempt.now());
    await observe(tx, store.id, [account], attempt.now());
  });
  return { link: { ...link, ...patch }, account };
}
