/**
 * Which rows hold personal data, and how a purge empties them. Every row stays, so that it still counts, and nothing
 * that decides about an account changes.
 */

import type { Knex } from 'knex';
import type { Attributes } from '../../model/desired.ts';
import type { RemoteUser } from '../../model/remote.ts';
import { chunks } from '../chunks.ts';
import { fromJson, lower, toJson } from '../columns.ts';
import type { Db } from '../open.ts';
import { type LastWord, saidOf } from '../people/lastWord.ts';
import { lockLease } from '../queue/leases.ts';
import { PURGED, toUser, type UserRecord } from './users.ts';

export interface RetainingConnection {
  readonly id: string;
  readonly environmentId: string;
  readonly retentionDays: number;
}

export async function retainingConnections(db: Db): Promise<readonly RetainingConnection[]> {
  const rows = await db('connections').whereNotNull('retention_days').orderBy('id');
  return rows.map((row: Record<string, unknown>) => ({
    id: row.id as string,
    environmentId: row.environment_id as string,
    retentionDays: Number(row.retention_days),
  }));
}

export interface DepartedUser extends UserRecord {
  readonly because: LastWord['said'];
}

/**
 * Users who were deleted, or deactivated and still are, no later than the ISO times, and who are not purged yet. Two
 * kinds must wait: a deactivated user whose account can still be used, because only the data says why; and a user
 * with a call of unknown outcome, because the bridge looks for it by the data that it sent.
 */
export async function usersToPurge(
  db: Db,
  connectionId: string,
  cutoff: { readonly deleted: string; readonly deactivated: string },
  limit: number,
): Promise<readonly DepartedUser[]> {
  const departed = (row: Record<string, unknown>) => ({ ...toUser(row), because: saidOf(row) });
  const mine = () =>
    db('users')
      .where({ connection_id: connectionId })
      .whereNull('purged_at')
      .whereNotExists(
        db('tasks')
          .where('tasks.kind', 'user')
          .where('tasks.subject_id', db.ref('users.person_id'))
          .whereNotNull('tasks.intent')
          .select(db.raw('1')),
      );
  const deleted = await mine().where('deleted_at', '<=', cutoff.deleted).orderBy('deleted_at').limit(limit);
  if (deleted.length > 0) return deleted.map(departed);
  const deactivated = await mine()
    .whereNull('deleted_at')
    .where({ active: false })
    .where('deactivated_at', '<=', cutoff.deactivated)
    .whereNotExists(
      db('links')
        .where('links.kind', 'user')
        .where('links.subject_id', db.ref('users.person_id'))
        .whereIn('links.state', ['enabled', 'invited'])
        .select(db.raw('1')),
    )
    .orderBy('deactivated_at')
    .limit(limit);
  return deactivated.map(departed);
}

/** Whether a user of the person, live or deleted, still holds personal data. */
export async function hasUnpurgedUsers(db: Db, personId: string): Promise<boolean> {
  return (await db('users').where({ person_id: personId }).whereNull('purged_at').first('id')) !== undefined;
}

/** How many events of one person are read to find earlier names. */
const EVENTS_LOOKED_THROUGH_MAX = 1_000;

/** Where earlier or other names of the person may be found: what stores show, and the audit log. */
export async function tracesOf(db: Db, environmentId: string, personId: string): Promise<readonly unknown[]> {
  const links = await db('links')
    .where({ kind: 'user', subject_id: personId })
    .select('remote_name', 'applied', 'observed');
  const events = await db('events')
    .where({ environment_id: environmentId, subject_id: personId })
    .where((kind) => kind.whereLike('kind', 'user.%').orWhereLike('kind', 'change.%'))
    .orderBy('id', 'desc')
    .limit(EVENTS_LOOKED_THROUGH_MAX)
    .select('subject_display', 'request', 'before', 'after');
  return [
    ...links.map((link) => [
      { displayName: link.remote_name },
      fromJson(link.applied),
      fromJson(link.observed),
    ]),
    ...events.map((event) => [
      { displayName: event.subject_display },
      ...[event.request, event.before, event.after].map(fromJson),
    ]),
  ];
}

/** Which of these names, in lower case, are the userName or the address of somebody else who is not purged. */
export async function namesOfOthers(
  db: Db,
  { environmentId, personId }: UserRecord,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const column of ['user_name_lower', 'primary_email_lower'])
    for (const some of chunks(names.map(lower))) {
      const taken: string[] = await db('users')
        .where({ environment_id: environmentId })
        .whereIn(column, some)
        .whereNot({ person_id: personId })
        .whereNull('purged_at')
        .pluck(column);
      for (const name of taken) found.add(name);
    }
  return found;
}

/**
 * Call it first in the transaction of a purge. What a worker records of these accounts is then either recorded
 * before, and emptied, or after, when the worker sees that the person is purged.
 */
export async function holdBackWorkers(tx: Db, personId: string): Promise<void> {
  const rows: { store_id: string }[] = await tx('links')
    .where({ kind: 'user', subject_id: personId })
    .orderBy('store_id')
    .select('store_id');
  for (const { store_id } of rows) await lockLease(tx, store_id);
}

/**
 * Empties every row about the person, and answers how many events it emptied. Links keep only which account it is and
 * its state, so that the bridge asks the store before it takes something from the account or gives it back.
 */
export async function purgePerson(
  tx: Db,
  environmentId: string,
  personId: string,
  redact: (value: unknown) => unknown,
): Promise<number> {
  const subject = { kind: 'user', subject_id: personId };
  await tx('tasks').where(subject).update({ error: null });
  await tx('sync_statuses').where(subject).update({ vendor: null });
  const losses = await tx('losses').where({ person_key: personId }).select('id', 'change', 'reason');
  for (const row of losses) {
    // The account's former name is personal data too, and cannot be set back any more.
    if (fromJson<{ op: string }>(row.change).op === 'update') {
      await tx('losses').where({ id: row.id }).delete();
      continue;
    }
    await tx('losses')
      .where({ id: row.id })
      .update({ change: toJson(redact(fromJson(row.change))), reason: redact(row.reason) });
  }
  await tx('applied_changes').whereLike('change_key', `%"user:${personId}"%`).delete();
  for (const table of ['person_words', 'identities']) await tx(table).where({ person_id: personId }).delete();
  await purgeLinks(tx, subject);
  return tx('events')
    .where({ environment_id: environmentId, subject_id: personId })
    .update({ subject_display: null, request: null, calls: null, before: null, after: null, reason: null });
}

/**
 * Forgets the texts by which stores show this manager in the accounts of those whom they led. `names` are in lower
 * case. A store itself shows the text until the identity provider names another manager.
 */
export async function forgetAtReports(tx: Db, managerId: string, names: ReadonlySet<string>): Promise<void> {
  const rows: { id: string; applied: unknown; observed: unknown }[] = await tx('links')
    .where({ kind: 'user' })
    .whereIn('subject_id', tx('users').where({ manager_id: managerId }).select('person_id'))
    .select('id', 'applied', 'observed');
  for (const { id, ...said } of rows) {
    const applied = fromJson<Attributes>(said.applied);
    const observed = fromJson<Attributes>(said.observed);
    const about = Object.entries({ ...observed, ...applied }).filter(([, value]) => names.has(lower(value)));
    if (about.length === 0) continue;
    const isKept = ([name]: [string, string]) => about.every(([one]) => one !== name);
    const left = (of: Attributes) => toJson(Object.fromEntries(Object.entries(of).filter(isKept)));
    await tx('links')
      .where({ id })
      .update({ applied: left(applied), observed: left(observed) });
  }
}

async function purgeLinks(tx: Db, subject: { readonly kind: string; readonly subject_id: string }) {
  const links = await tx('links').where(subject).select('store_id', 'remote_id');
  for (const { store_id, remote_id } of links) {
    await tx('membership_ledger').where({ store_id, remote_user_id: remote_id }).update({ display: PURGED });
    await tx('refused_memberships').where({ store_id, remote_user_id: remote_id }).delete();
    await purgeObservation(tx, { store_id, kind: 'user', remote_id });
  }
  await tx('key_waits').where(subject).delete();
  await tx('link_keys').whereIn('link_id', tx('links').where(subject).select('id')).delete();
  await tx('links')
    .where(subject)
    .update({ remote_name: PURGED, applied: '{}', observed: '{}', drift: null, drift_since: null });
}

/** Empties the row but keeps it: otherwise a sync that is under way would think that the account is gone. */
async function purgeObservation(tx: Db, key: Readonly<Record<string, string>>): Promise<void> {
  const row = await tx('observations').where(key).first('remote');
  if (!row) return;
  const remote = namelessAccount(fromJson<RemoteUser>(row.remote));
  await tx('observations')
    .where(key)
    .update({ remote: toJson(remote), identifier_lower: null });
}

/** What the bridge may know of an account whose person was purged. */
export function namelessAccount(account: RemoteUser): RemoteUser {
  return { ...account, display: PURGED, identifier: null, attributes: {} };
}

/** Which of these accounts belong to a purged person. */
export async function purgedAccounts(
  db: Db,
  storeId: string,
  remoteIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows: { remote_id: string }[] = await db('links')
    .where({ store_id: storeId, kind: 'user', remote_name: PURGED })
    .whereIn('remote_id', remoteIds)
    .select('remote_id');
  return new Set(rows.map((row) => row.remote_id));
}

/** The display name to write for an account; the placeholder where its person was purged. */
export function displayUnlessPurged(db: Db, storeId: string, remoteId: string, display: string): Knex.Raw {
  const purged = db('links')
    .where({ store_id: storeId, kind: 'user', remote_name: PURGED, remote_id: remoteId })
    .select('remote_name')
    .limit(1);
  return db.raw('coalesce(?, ?)', [purged, display]);
}

/** Deletes causes from before the ISO time that no task names any more, and what was undone of them. */
export async function deleteOldCauses(db: Db, before: string): Promise<void> {
  for (const [table, time] of [
    ['causes', 'created_at'],
    ['undone_causes', 'at'],
  ] as const) {
    const named = db('task_causes').where('task_causes.correlation_id', db.ref(`${table}.correlation_id`));
    await db(table)
      .where(time, '<', before)
      .whereNotExists(named.select(db.raw('1')))
      .delete();
  }
}
