/**
 * Finds the store whose accounts a connection uses: what a store of the same workspace has seen is not read a second
 * time.
 */

import type { Db } from '../../db/open.ts';
import { accountsLinkedSince, accountsSeen, storesOfTenant } from '../../db/pull/accounts.ts';
import type { PulledRecord } from '../../db/pull/connections.ts';
import { getStoreOf, type StoreRecord } from '../../db/stores/stores.ts';
import type { RemoteUser } from '../../model/remote.ts';
import type { Configuration } from '../../model/settings.ts';
import { accountOf } from '../../sources/account.ts';
import type { ScanPage, SourceDefinition } from '../../sources/source.ts';
import type { Check } from '../../stores/check.ts';

export interface Feed {
  /** Null where the vendor has to be asked. */
  readonly store: StoreRecord | null;
  /** Why the named store cannot be used, and what an admin can do about it. */
  readonly problem: string | null;
}

/**
 * The store that STORE_ID names; otherwise an active store of the same workspace that has seen all of its accounts.
 */
export async function feedOf(
  db: Db,
  { environmentId, tenantId }: Pick<PulledRecord, 'environmentId' | 'tenantId'>,
  configuration: Configuration,
  { storeType }: Pick<SourceDefinition, 'storeType'>,
): Promise<Feed> {
  if (storeType === undefined) return { store: null, problem: null };
  const { STORE_ID: storeId } = configuration;
  if (typeof storeId === 'string') {
    const store = await getStoreOf(db, environmentId, storeId);
    return { store, problem: problemOf(store, storeId, storeType) };
  }
  const stores = await storesOfTenant(db, { environmentId, type: storeType, tenantId });
  return { store: stores.find(isCurrent) ?? null, problem: null };
}

/** The store has seen every account, and keeps seeing what changes. */
function isCurrent({ status, paused, scannedAt }: StoreRecord): boolean {
  return status === 'ACTIVE' && paused === null && scannedAt !== null;
}

function problemOf(store: StoreRecord | null, storeId: string, storeType: string): string | null {
  if (!store) return `There is no store ${storeId} here: enter the id of a store of type ${storeType}.`;
  if (store.type !== storeType)
    return `The store ${store.name} is of type ${store.type}: enter the id of one of type ${storeType}.`;
  if (store.status !== 'ACTIVE') return `The store ${store.name} is ${store.status}: activate it first.`;
  if (store.paused) return `The store ${store.name} is paused: ${store.paused.message}`;
  if (store.scannedAt === null)
    return `The store ${store.name} has not seen all of its accounts yet: wait until its first sync is done.`;
  return null;
}

/** Checks a connection that has STORE_ID alone; null where the vendor has to be asked. */
export async function checkFeed(
  db: Db,
  record: PulledRecord,
  configuration: Configuration,
  definition: SourceDefinition,
): Promise<Check | null> {
  if (!definition.enriches || configuration.STORE_ID === undefined) return null;
  const { store, problem } = await feedOf(db, record, configuration, definition);
  if (problem !== null || !store) {
    const message = problem ?? 'There is no such store here.';
    return { outcome: 'refused', details: [{ code: 'store_unusable', message }], calls: [] };
  }
  const message = `The accounts that the store ${store.name} sees are taken.`;
  const tenant =
    store.tenantId === null ? null : { id: store.tenantId, name: store.tenantName ?? store.name };
  const details = [{ code: 'granted', right: 'accounts', granted: true, message }];
  return { outcome: 'ok', status: { status: 'OK', tenant, self: null, details }, calls: [] };
}

const PAGE = 500;

/** The store's accounts in the pages of a source. Linked ones come first, because a scan may see them meanwhile. */
export async function* pagesOfFeed(
  db: Db,
  store: StoreRecord,
  naming: Pick<SourceDefinition, 'vendorNames'>,
): AsyncGenerator<ScanPage> {
  for (const seen of [accountsLinkedSince, accountsSeen])
    for await (const accounts of pagesOf((after) => seen(db, store, after, PAGE)))
      yield { kind: 'users', users: accounts.map((one) => accountOf(one, naming)) };
  yield { kind: 'end', position: null };
}

type Accounts = readonly RemoteUser[];

async function* pagesOf(read: (after: string) => Promise<Accounts>): AsyncGenerator<Accounts> {
  for (let after = ''; ; ) {
    const accounts = await read(after);
    const last = accounts.at(-1);
    if (!last) return;
    after = last.remoteId;
    yield accounts;
  }
}
