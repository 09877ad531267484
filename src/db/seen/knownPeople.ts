/**
 * What is recorded of people on one store, and of accounts there, one row for each, so that a look at one person is
 * one statement.
 */

import { fromBoolean } from '../columns.ts';
import { keptReading } from '../knex/kept.ts';
import { type IdList, idList, idRows } from '../lists/values.ts';
import type { Db } from '../open.ts';
import { type LinkRecord, toLink } from './links.ts';

export interface KnownPerson {
  /** The link, even a `removed` one. */
  readonly link: LinkRecord | null;
  /** The entry of PROTECTED_ACCOUNTS that once matched the linked account; null where none did. */
  readonly protectedAs: string | null;
  /** The account that the bridge leaves alone under the person's identifier. */
  readonly spared: string | null;
  /** The person wants a key that another account has. */
  readonly waitsForKeys: boolean;
  /** An admin is asked whether they are somebody who left. */
  readonly isQuestioned: boolean;
}

/** By person; every one has an entry. */
export async function knownPeople(
  db: Db,
  storeId: string,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, KnownPerson>> {
  if (personIds.length === 0) return new Map();
  const rows = await asKnown(db, { storeId, personIds: idList(db, personIds) });
  return new Map(
    rows.map((row) => [
      row.asked,
      {
        link: row.id === null ? null : toLink(row),
        protectedAs: row.protected_as,
        spared: row.spared,
        waitsForKeys: fromBoolean(row.waits_for_keys),
        isQuestioned: fromBoolean(row.is_questioned),
      },
    ]),
  );
}

const asKnown = keptReading<
  readonly (KnownRow & Record<string, unknown>)[],
  { readonly storeId: string; readonly personIds: IdList }
>((db, { storeId, personIds }) => {
  const waits = db('key_waits').where({ store_id: storeId, kind: 'user', subject_id: db.ref('asked.id') });
  const questions = db('identity_questions').where({ newcomer_id: db.ref('asked.id') });
  const one = db.raw('1');
  return db
    .from(idRows(db, personIds, 'asked'))
    .leftJoin('links as l', (on) => {
      on.on('l.subject_id', 'asked.id').andOnVal('l.store_id', storeId).andOnVal('l.kind', 'user');
    })
    .leftJoin('spared_accounts as s', (on) => {
      on.on('s.person_id', 'asked.id').andOnVal('s.store_id', storeId);
    })
    .leftJoin('protected_accounts as p', (on) => {
      on.on('p.remote_id', 'l.remote_id').andOnVal('p.store_id', storeId);
    })
    .select('l.*', { asked: 'asked.id', spared: 's.remote_id', protected_as: 'p.pattern' })
    .select(db.raw('exists ? as waits_for_keys', [waits.select(one)]))
    .select(db.raw('exists ? as is_questioned', [questions.select(one)]));
});

interface KnownRow {
  readonly id: string | null;
  readonly asked: string;
  readonly spared: string | null;
  readonly protected_as: string | null;
  readonly waits_for_keys: boolean | number;
  readonly is_questioned: boolean | number;
}

export interface KnownAccount {
  /** The link, unless it is `removed`. */
  readonly link: LinkRecord | null;
  /** The entry of PROTECTED_ACCOUNTS that once matched the account. */
  readonly protectedAs: string | null;
  /** The bridge has deleted the account, whoever had it, and the vendor may still show it. */
  readonly isBeingDeleted: boolean;
}

/** What is recorded of accounts, one row for each, by remote id; every one has an entry. */
export async function knownAccounts(
  db: Db,
  storeId: string,
  remoteIds: readonly string[],
): Promise<ReadonlyMap<string, KnownAccount>> {
  if (remoteIds.length === 0) return new Map();
  const rows = await asAccounts(db, { storeId, remoteIds: idList(db, remoteIds) });
  return new Map(
    rows.map((row) => [
      row.asked,
      {
        link: row.id === null ? null : toLink(row),
        protectedAs: row.protected_as,
        isBeingDeleted: fromBoolean(row.is_being_deleted),
      },
    ]),
  );
}

const asAccounts = keptReading<
  readonly (AccountRow & Record<string, unknown>)[],
  { readonly storeId: string; readonly remoteIds: IdList }
>((db, { storeId, remoteIds }) => {
  const deleted = db('links as gone')
    .where({ 'gone.store_id': storeId, 'gone.kind': 'user', 'gone.state': 'removed' })
    .where('gone.remote_id', db.ref('asked.id'))
    .whereNotNull('gone.deleted_at');
  return db
    .from(idRows(db, remoteIds, 'asked'))
    .leftJoin('links as l', (on) => {
      on.on('l.remote_id', 'asked.id').andOnVal('l.store_id', storeId).andOnVal('l.kind', 'user');
      on.andOnVal('l.state', '<>', 'removed');
    })
    .leftJoin('protected_accounts as p', (on) => {
      on.on('p.remote_id', 'asked.id').andOnVal('p.store_id', storeId);
    })
    .select('l.*', { asked: 'asked.id', protected_as: 'p.pattern' })
    .select(db.raw('exists ? as is_being_deleted', [deleted.select(db.raw('1'))]));
});

interface AccountRow {
  readonly id: string | null;
  readonly asked: string;
  readonly protected_as: string | null;
  readonly is_being_deleted: boolean | number;
}
