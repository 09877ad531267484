/**
 * What was last seen of a store's accounts and groups, linked or not. Observations decide nothing; links hold what
 * the bridge applied.
 */

import type { Remote, RemoteUser } from '../../model/remote.ts';
import type { Kind } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import { fromJson, lower, toJson } from '../columns.ts';
import type { Db } from '../open.ts';

const ROWS_PER_INSERT_MAX = 100;

/**
 * Saves what a look-up, a sync or a preview saw. `at`: an ISO time before the store was asked; where two of them see
 * one account at the same time, the one that asked later stays. `scanId`: the scan that saw it, whatever the clocks of
 * two replicas say.
 */
export async function observe(
  db: Db,
  storeId: string,
  remotes: readonly Remote[],
  at: string,
  scanId: string | null = null,
): Promise<void> {
  for (let from = 0; from < remotes.length; from += ROWS_PER_INSERT_MAX) {
    const rows = remotes.slice(from, from + ROWS_PER_INSERT_MAX).map((remote) => ({
      store_id: storeId,
      kind: remote.kind,
      remote_id: remote.remoteId,
      identifier_lower: identifierOf(remote),
      remote: toJson(remote),
      seen_at: at,
      ...(scanId === null ? {} : { scan_id: scanId }),
    }));
    await db('observations')
      .insert(rows)
      .onConflict(['store_id', 'kind', 'remote_id'])
      .merge({
        ...newer(db, ['identifier_lower', 'remote', 'seen_at']),
        ...(scanId === null ? {} : { scan_id: scanId }),
      });
  }
}

/** Each column as the sight has it that asked later. */
function newer(db: Db, columns: readonly string[]) {
  const kept = 'case when observations.seen_at <= excluded.seen_at then excluded.?? else observations.?? end';
  return Object.fromEntries(columns.map((column) => [column, db.raw(kept, [column, column])]));
}

function identifierOf(remote: Remote): string | null {
  const identifier = remote.kind === 'user' ? remote.identifier : remote.name;
  return identifier === null ? null : lower(identifier);
}

/**
 * What was last seen under an identifier or a group's name. Null only says that nothing was seen, not that nothing is
 * there.
 */
export async function observedAs<K extends Kind>(
  db: Db,
  storeId: string,
  kind: K,
  identifier: string,
): Promise<Observation<K> | null> {
  const row = await db('observations')
    .where({ store_id: storeId, kind, identifier_lower: lower(identifier) })
    .orderBy('seen_at', 'desc')
    .first('remote', 'seen_at');
  return row ? { remote: fromJson<Remote<K>>(row.remote), seenAt: row.seen_at } : null;
}

export interface Observation<K extends Kind = Kind> {
  readonly remote: Remote<K>;
  /** ISO time: before the vendor was asked. */
  readonly seenAt: string;
}

/** How many of these the scan has not seen yet, as long as no other scan has seen them since. */
export async function countFresh(
  db: Db,
  storeId: string,
  kind: Kind,
  remoteIds: readonly string[],
  scanId: string,
): Promise<number> {
  const ids = [...new Set(remoteIds)];
  let known = 0;
  for (const some of chunks(ids)) {
    const row = await db('observations')
      .where({ store_id: storeId, kind, scan_id: scanId })
      .whereIn('remote_id', some)
      .count({ n: '*' })
      .first();
    known += Number(row?.n ?? 0);
  }
  return ids.length - known;
}

/** The observations by remote id. */
export async function observationsById<K extends Kind>(
  db: Db,
  storeId: string,
  kind: K,
  remoteIds: readonly string[],
): Promise<ReadonlyMap<string, Observation<K>>> {
  const found = new Map<string, Observation<K>>();
  for (const some of chunks(remoteIds)) {
    const rows = await db('observations')
      .where({ store_id: storeId, kind })
      .whereIn('remote_id', some)
      .select('remote_id', 'remote', 'seen_at');
    for (const row of rows) {
      found.set(row.remote_id, { remote: fromJson<Remote<K>>(row.remote), seenAt: row.seen_at });
    }
  }
  return found;
}

/** The same for many identifiers, by the identifier in lower case. */
export async function observedUnder<K extends Kind>(
  db: Db,
  storeId: string,
  kind: K,
  identifiers: readonly string[],
): Promise<ReadonlyMap<string, Remote<K>>> {
  const found = new Map<string, Remote<K>>();
  for (const some of chunks(identifiers)) {
    const rows = await db('observations')
      .where({ store_id: storeId, kind })
      .whereIn('identifier_lower', some.map(lower))
      .orderBy('seen_at')
      .select('identifier_lower', 'remote');
    for (const row of rows) found.set(row.identifier_lower, fromJson<Remote<K>>(row.remote));
  }
  return found;
}

/** Every account with one of these identifiers, by the identifier in lower case. */
export async function accountsUnder(
  db: Db,
  storeId: string,
  identifiers: readonly string[],
): Promise<ReadonlyMap<string, readonly RemoteUser[]>> {
  const found = new Map<string, RemoteUser[]>();
  for (const some of chunks(identifiers)) {
    const rows = await db('observations')
      .where({ store_id: storeId, kind: 'user' })
      .whereIn('identifier_lower', some.map(lower))
      .orderBy('remote_id')
      .select('identifier_lower', 'remote');
    for (const row of rows) {
      const account = fromJson<RemoteUser>(row.remote);
      found.set(row.identifier_lower, [...(found.get(row.identifier_lower) ?? []), account]);
    }
  }
  return found;
}

/** Remembers who adopts which account, by the account's id. A later plan of that person overwrites nothing here. */
export async function rememberAdopters(
  db: Db,
  storeId: string,
  adopters: ReadonlyMap<string, string>,
): Promise<void> {
  const entries = [...adopters];
  for (let from = 0; from < entries.length; from += ADOPTERS_PER_STATEMENT_MAX) {
    const some = entries.slice(from, from + ADOPTERS_PER_STATEMENT_MAX);
    const cases = some.map(() => 'when ? then ?').join(' ');
    await db('observations')
      .where({ store_id: storeId, kind: 'user' })
      .whereIn(
        'remote_id',
        some.map(([remoteId]) => remoteId),
      )
      .update({ adopter_id: db.raw(`case remote_id ${cases} end`, some.flat()) });
  }
}

const ADOPTERS_PER_STATEMENT_MAX = 200;

/** Who adopts these accounts by the plan that was last remembered, by the account's id. */
export async function adoptersOf(
  db: Db,
  storeId: string,
  remoteIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const some of chunks(remoteIds)) {
    const rows = await db('observations')
      .where({ store_id: storeId, kind: 'user' })
      .whereIn('remote_id', some)
      .whereNotNull('adopter_id')
      .select('remote_id', 'adopter_id');
    for (const row of rows) found.set(row.remote_id, row.adopter_id);
  }
  return found;
}

export async function forgetObservation(
  db: Db,
  storeId: string,
  kind: Kind,
  remoteId: string,
): Promise<void> {
  await db('observations').where({ store_id: storeId, kind, remote_id: remoteId }).delete();
}

/**
 * After a complete scan that began at the ISO time: deletes what neither it nor anybody since has seen, because it does
 * not exist.
 */
export async function forgetUnseen(
  db: Db,
  storeId: string,
  kind: Kind,
  scanId: string,
  began: string,
): Promise<void> {
  await db('observations')
    .where({ store_id: storeId, kind })
    .where('seen_at', '<', began)
    .where((other) => other.whereNull('scan_id').orWhereNot({ scan_id: scanId }))
    .delete();
}

/** Whether any account of the store is known. */
export async function hasAccounts(db: Db, storeId: string): Promise<boolean> {
  return (
    (await db('observations').where({ store_id: storeId, kind: 'user' }).first('remote_id')) !== undefined
  );
}

/** Accounts without a link, in the order of their ids. */
export async function unlinkedAccounts(
  db: Db,
  storeId: string,
  after: string | null,
  limit: number,
): Promise<readonly RemoteUser[]> {
  const query = db('observations')
    .where({ 'observations.store_id': storeId, 'observations.kind': 'user' })
    .whereNotExists(
      db('links')
        .where('links.store_id', storeId)
        .where('links.kind', 'user')
        .whereNot('links.state', 'removed')
        .where('links.remote_id', db.ref('observations.remote_id'))
        .select(db.raw('1')),
    )
    .orderBy('remote_id')
    .limit(limit)
    .select('remote');
  if (after !== null) query.where('remote_id', '>', after);
  return (await query).map((row: { remote: unknown }) => fromJson<RemoteUser>(row.remote));
}
