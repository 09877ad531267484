/**
 * Accounts that the bridge leaves alone: those that once matched an entry of PROTECTED_ACCOUNTS, whatever their name
 * is now, and those under a person's identifier that it may not adopt.
 */

import { chunks } from '../chunks.ts';
import type { Db } from '../open.ts';
import type { StoreRecord } from '../stores/stores.ts';

export interface ProtectedAccount {
  readonly remoteId: string;
  /** The entry of PROTECTED_ACCOUNTS; '' for the account of the store's credential. */
  readonly pattern: string;
}

const ROWS_PER_INSERT_MAX = 100;

/** Which of these accounts matched before, each with its entry. */
export async function protectedAmong(
  db: Db,
  storeId: string,
  remoteIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const some of chunks(remoteIds)) {
    const rows: { remote_id: string; pattern: string }[] = await db('protected_accounts')
      .where({ store_id: storeId })
      .whereIn('remote_id', some)
      .select('remote_id', 'pattern');
    for (const row of rows) found.set(row.remote_id, row.pattern);
  }
  return found;
}

/** `since`: an ISO time. A known account keeps the entry that matched it first. */
export async function rememberProtected(
  db: Db,
  storeId: string,
  accounts: readonly ProtectedAccount[],
  since: string,
): Promise<void> {
  for (let from = 0; from < accounts.length; from += ROWS_PER_INSERT_MAX) {
    const rows = accounts.slice(from, from + ROWS_PER_INSERT_MAX).map(({ remoteId, pattern }) => ({
      ...{ store_id: storeId, remote_id: remoteId, pattern, since },
    }));
    await db('protected_accounts').insert(rows).onConflict(['store_id', 'remote_id']).ignore();
  }
}

/**
 * Ends the protection of accounts whose entry the setting no longer has, or that are no longer the credential's own.
 */
export async function keepProtection(
  db: Db,
  { id: storeId, configuration, self }: Pick<StoreRecord, 'id' | 'configuration' | 'self'>,
): Promise<void> {
  const rows: { remote_id: string; pattern: string }[] = await db('protected_accounts')
    .where({ store_id: storeId })
    .select('remote_id', 'pattern');
  const entries = new Set((configuration.PROTECTED_ACCOUNTS as readonly string[] | undefined) ?? []);
  const freed = rows.filter(({ remote_id, pattern }) =>
    pattern === '' ? remote_id !== self?.remoteId : !entries.has(pattern),
  );
  for (const some of chunks(freed)) {
    const ids = some.map((row) => row.remote_id);
    await db('protected_accounts').where({ store_id: storeId }).whereIn('remote_id', ids).delete();
  }
}

/** The accounts left alone, by person. */
export async function sparedOf(
  db: Db,
  storeId: string,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const some of chunks(personIds)) {
    const rows: { person_id: string; remote_id: string }[] = await db('spared_accounts')
      .where({ store_id: storeId })
      .whereIn('person_id', some)
      .select('person_id', 'remote_id');
    for (const row of rows) found.set(row.person_id, row.remote_id);
  }
  return found;
}

/** Null: the bridge leaves no account alone under the person's identifier. */
export async function saveSpared(
  db: Db,
  storeId: string,
  personId: string,
  remoteId: string | null,
): Promise<void> {
  const key = { store_id: storeId, person_id: personId };
  if (remoteId === null) return void (await db('spared_accounts').where(key).delete());
  await db('spared_accounts')
    .insert({ ...key, remote_id: remoteId })
    .onConflict(['store_id', 'person_id'])
    .merge(['remote_id']);
}

export interface ProtectedMember {
  readonly personId: string;
  readonly remoteId: string;
  readonly display: string;
}

/** Members of these SCIM groups whose account, linked or only found, is protected. */
export async function protectedMembers(
  db: Db,
  storeId: string,
  groupIds: readonly string[],
): Promise<readonly ProtectedMember[]> {
  if (groupIds.length === 0) return [];
  const accounts = () => db('protected_accounts as p').where('p.store_id', storeId);
  const linked = accounts().join('links as a', (on) => {
    on.on('a.remote_id', 'p.remote_id').andOnVal('a.store_id', storeId).andOnVal('a.kind', 'user');
  });
  const spared = accounts().join('spared_accounts as a', (on) => {
    on.on('a.remote_id', 'p.remote_id').andOnVal('a.store_id', storeId);
  });
  const members = (query: typeof linked, person: string, turn: number) =>
    query
      .join('users as u', 'u.person_id', person)
      .join('group_members as m', 'm.user_id', 'u.id')
      .whereNull('u.deleted_at')
      .whereIn('m.group_id', [...groupIds])
      .select('u.person_id', 'p.remote_id', 'u.user_name', db.raw('? as turn', [turn]));
  const rows: { person_id: string; remote_id: string; user_name: string; turn: number }[] = await members(
    linked.whereNot('a.state', 'removed'),
    'a.subject_id',
    1,
  ).unionAll(members(spared, 'a.person_id', 2));
  // The account under the person's identifier counts, even where they are linked to another one.
  const inTurn = rows.sort((one, other) => Number(one.turn) - Number(other.turn));
  return [
    ...new Map(
      inTurn.map(({ person_id: personId, remote_id: remoteId, user_name: display }) => {
        return [personId, { personId, remoteId, display }] as const;
      }),
    ).values(),
  ];
}
