/**
 * Accounts of people whose personal data was purged. The bridge remembers that they exist and whether they are
 * enabled, but not whose they are. Before it takes something from one, or gives it back, it asks the store.
 */

import { purgedAccounts } from '../db/identity/retention.ts';
import { PURGED } from '../db/identity/users.ts';
import type { Db } from '../db/open.ts';
import type { LinkRecord } from '../db/seen/links.ts';
import type { DesiredUser } from '../model/desired.ts';
import { keptAttributes } from '../plan/people/user.ts';
import type { StoreContext } from '../stores/desired.ts';
import type { Attempt } from './attempt.ts';
import type { LinkSight } from './people/look.ts';
import type { Repair } from './repairs.ts';
import { markedAttributes } from './situation.ts';

/** Leaves out what the store says of people who were purged before or during the call. */
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

/**
 * Whether the account may be protected: the bridge does not know its name any more. Asking the vendor is not worth it
 * for a membership, while the account is disabled.
 */
export function mayBeProtected({ settings }: StoreContext, link: LinkRecord | undefined): boolean {
  return link !== undefined && isNameless(link) && settings.protectedAccounts.length > 0;
}

/** Null where the store no longer has the account. */
export async function meetAgain(
  attempt: Attempt,
  link: LinkRecord,
  desired: DesiredUser,
): Promise<(LinkSight & { readonly repairs: readonly Repair[] }) | null> {
  const isKnown = desired.identifier !== null || Object.keys(desired.attributes).length > 0;
  const mayLose = desired.lifecycle === 'gone' || link.state === 'enabled' || link.state === 'invited';
  if (!isKnown && (desired.lifecycle === 'active' || !mayLose)) return { link, repairs: [] };
  const { connector } = attempt.context;
  const { callContext } = attempt.calling('read');
  const account = await connector.read('user', link.remoteId, callContext);
  if (!account) return null;
  if (!isKnown) return { link, account, repairs: [] };
  // As in an adoption, the account keeps its name until the directory's value changes.
  const keptOnAdoption = markedAttributes(attempt.context, 'keptOnAdoption');
  const patch = {
    remoteName: account.display,
    privileged: account.privileged === true,
    observed: account.attributes,
    applied: keptAttributes({ desired, keptOnAdoption }),
  };
  return {
    link: { ...link, ...patch },
    account,
    repairs: [
      { kind: 'meet', link, patch },
      { kind: 'observe', remote: account },
    ],
  };
}
