/**
 * Who leads whom, by the ids that identity providers sent. A manager is a live user of the same connection. Nobody
 * leads themselves, over any number of levels.
 */

import type { Knex } from 'knex';
import type { Attributes } from '../../model/desired.ts';
import { chunks } from '../chunks.ts';
import { fromJsonOrNull } from '../columns.ts';
import { toUser, type UserRecord } from '../identity/users.ts';
import type { Db } from '../open.ts';

export interface Manager {
  readonly user: UserRecord;
  /** The manager's enabled account on the store; null where the bridge knows of none. */
  readonly remoteId: string | null;
}

/** Longer loops are none. */
const LEVELS_MAX = 50;

/** By the id of the user whom they lead. Users in a loop have no manager. */
export async function managersOf(
  db: Db,
  storeId: string,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, Manager>> {
  const found = new Map<string, Manager>();
  for (const some of chunks(userIds)) {
    const leads =
      'm.id = below.manager_id and m.connection_id = below.connection_id and m.deleted_at is null';
    const rows = await db
      .withRecursive(
        'above',
        db.raw(
          `select below.id as led, m.id, m.manager_id, m.connection_id, 1 as height
             from users as below join users as m on ${leads}
             where below.id in (${some.map(() => '?').join(', ')})
           union all
           select below.led, m.id, m.manager_id, m.connection_id, below.height + 1
             from above as below join users as m on ${leads}
             where below.id <> below.led and below.height < ${LEVELS_MAX}`,
          [...some],
        ),
      )
      .from('above')
      .join('users as m', 'm.id', 'above.id')
      .leftJoin('links as l', (on) => onAccount(on, 'm.person_id', storeId))
      .where('above.height', 1)
      .whereNotExists(db('above as loop').whereRaw('loop.led = above.led and loop.id = above.led'))
      .select('m.*', { led: 'above.led', account: 'l.remote_id' });
    for (const row of rows) found.set(row.led, toManager(row));
  }
  return found;
}

export interface NamedManager {
  readonly id: string;
  /** The name that people know. */
  readonly display: string;
}

/** The live users of the connection among these, by their ids. */
export async function namedManagers(
  db: Db,
  connectionId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, NamedManager>> {
  const found = new Map<string, NamedManager>();
  for (const some of chunks(ids)) {
    const rows: NamedManager[] = await db('users')
      .where({ connection_id: connectionId })
      .whereNull('deleted_at')
      .whereIn('id', some)
      .select('id', { display: db.raw('coalesce(display_name, user_name)') });
    for (const manager of rows) found.set(manager.id, manager);
  }
  return found;
}

/** The users of the person who lead somebody. */
export async function usersWhoLead(db: Db, storeId: string, personId: string): Promise<readonly Manager[]> {
  const rows = await db('users as m')
    .leftJoin('links as l', (on) => onAccount(on, 'm.person_id', storeId))
    .where({ 'm.person_id': personId })
    .whereNull('m.deleted_at')
    .whereExists(ledBy(db).where('r.manager_id', db.ref('m.id')))
    .select('m.*', { account: 'l.remote_id' });
  return rows.map(toManager);
}

export interface Report {
  readonly personId: string;
  /** What the bridge last applied to their account; empty where it is still to be made. */
  readonly applied: Attributes;
}

/** The people whom the user leads, with an enabled account on the store or a task that may make or enable one. */
export async function reportsOf(db: Db, storeId: string, managerId: string): Promise<readonly Report[]> {
  const rows: { person_id: string; applied: unknown }[] = await ledBy(db)
    .where('r.manager_id', managerId)
    .leftJoin('links as l', (on) => onAccount(on, 'r.person_id', storeId))
    .leftJoin('tasks as t', (on) => {
      on.on('t.subject_id', 'r.person_id').andOnVal('t.kind', 'user').andOnVal('t.store_id', storeId);
    })
    .where((some) => some.whereNotNull('l.id').orWhereNotNull('t.id'))
    .orderBy('r.person_id')
    .select('r.person_id', 'l.applied');
  return rows.map((row) => ({ personId: row.person_id, applied: fromJsonOrNull(row.applied) ?? {} }));
}

function ledBy(db: Db) {
  return db('users as r').whereNull('r.deleted_at');
}

/** Joins the person's enabled account. */
function onAccount(on: Knex.JoinClause, personId: string, storeId: string): void {
  on.on('l.subject_id', personId).andOnVal('l.kind', 'user').andOnVal('l.store_id', storeId);
  on.andOnVal('l.state', 'enabled');
}

function toManager(row: Record<string, unknown>): Manager {
  return { user: toUser(row), remoteId: row.account as string | null };
}
