/**
 * Everything that an arriving user may touch, read in one round trip: the connection, its surroundings, deleted users
 * who may be back, and whether more must be asked. Every user that an identity provider creates passes here, so the
 * statement is written out: building it took as long as running it.
 */

import type { Resource } from '../../model/resource.ts';
import { addressSkeleton } from '../../support/skeleton.ts';
import { fromBoolean, lower } from '../columns.ts';
import type { Strategy } from '../identity/connections.ts';
import type { SqlCondition } from '../lists/resources.ts';
import { type Db, rowsOf } from '../open.ts';
import { WORKING } from '../queue/enqueue.ts';
import type { Hash } from './formers.ts';

export interface Arrival {
  readonly environmentId: string;
  readonly connectionId: string;
  readonly resource: Resource;
  /** As the connection maps it. */
  readonly primaryEmail: string | null;
  /**
   * A condition on rows of `users` with the same value of the connection's `userIdAttribute`; null where there is no
   * value, or where it is the userName.
   */
  readonly sameUserId: SqlCondition | null;
  readonly hash: Hash;
}

/** How the connection treats arriving users, as this transaction sees it. */
export interface ArrivingThrough {
  readonly isPrimary: boolean;
  readonly matchPeople: boolean;
  readonly asks: boolean;
  readonly strategy: Strategy;
  readonly userIdAttribute: string;
  readonly hasOthers: boolean;
  /** Workers work on at least one store of the environment. */
  readonly hasStores: boolean;
  /** A person who is gone had one of the identifiers: a purged person, or a deleted user. */
  readonly mayBeFormer: boolean;
  /** Somebody's address may look like the arriving one; `lookalikeOf` decides. */
  readonly mayLookAlike: boolean;
}

/** A deleted user who may be back. */
export interface Tombstone {
  readonly person_id: string;
  readonly external_id: string | null;
  /** The connection's own user id is the same. */
  readonly same_id: unknown;
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** How many deleted users are looked at. More than a few with one name are rare: somebody made it again and again. */
const CANDIDATES_MAX = 20;

/**
 * Two tests look for people who are gone, so that each can use its own index. A comparison with null finds nobody.
 */
const lookAround = (sameId: string) => `
  select own.is_primary, own.match_people, own.reused_identifiers, own.strategy, own.user_id_attribute,
    tombstones.person_id, tombstones.external_id, tombstones.same_id,
    exists (
      select 1 from connections as others
      where others.environment_id = own.environment_id and others.id <> own.id and others.deleted_at is null
    ) as has_others,
    exists (
      select 1 from stores
      where environment_id = ? and deleted_at is null and status in ('${WORKING.join("', '")}')
    ) as has_stores,
    exists (select 1 from former_identifiers where environment_id = ? and hash in (?, ?, ?)) as has_purged,
    exists (
      select 1 from users where environment_id = ? and user_name_lower = ? and deleted_at is not null
    ) as has_gone_name,
    exists (
      select 1 from users where environment_id = ? and primary_email_lower = ? and deleted_at is not null
    ) as has_gone_email,
    exists (
      select 1 from users
      where environment_id = ? and address_skeleton = ? and primary_email_lower <> ? and deleted_at is null
    ) as has_lookalikes
  from connections as own
  left join (
    select person_id, external_id, deleted_at, id,
      case when ${sameId} then 1 else 0 end as same_id,
      case when external_id = ? or ${sameId} then 0 else 1 end as unlike
    from users
    where connection_id = ? and deleted_at is not null
      and (user_name_lower = ? or external_id = ? or ${sameId})
    order by unlike, deleted_at desc, id desc
    limit ${CANDIDATES_MAX}
  ) as tombstones on 1 = 1
  where own.id = ?
  order by unlike, tombstones.deleted_at desc, tombstones.id desc`;

const NOBODY: SqlCondition = { sql: '1 = 0', bindings: [] };

type Row = Tombstone & Record<string, unknown>;

/** Answers deleted users with the likeliest first. */
export async function arriving(
  db: Db,
  { environmentId, connectionId, resource, primaryEmail, sameUserId, hash }: Arrival,
): Promise<{ readonly connection: ArrivingThrough; readonly tombstones: readonly Tombstone[] }> {
  const userName = lower(resource.userName as string);
  const email = primaryEmail === null ? null : lower(primaryEmail);
  const externalId = isText(resource.externalId) ? resource.externalId : null;
  const hashed = [externalId, userName, email].map((known) => (isText(known) ? hash(known) : null));
  const sameId = sameUserId ?? NOBODY;
  const rows: readonly Row[] = rowsOf(
    await db.raw(lookAround(sameId.sql), [
      ...[environmentId, environmentId, ...hashed],
      ...[environmentId, userName, environmentId, email],
      ...[environmentId, email === null ? null : addressSkeleton(email), email],
      ...[...sameId.bindings, externalId, ...sameId.bindings],
      ...[connectionId, userName, externalId, ...sameId.bindings],
      connectionId,
    ] as never),
  );
  const [own] = rows;
  if (!own) throw new Error(`there is no connection ${connectionId}`);
  return {
    connection: {
      isPrimary: fromBoolean(own.is_primary),
      matchPeople: fromBoolean(own.match_people),
      asks: own.reused_identifiers === 'Hold',
      strategy: own.strategy as Strategy,
      userIdAttribute: own.user_id_attribute as string,
      hasOthers: fromBoolean(own.has_others),
      hasStores: fromBoolean(own.has_stores),
      mayBeFormer: [own.has_purged, own.has_gone_name, own.has_gone_email].some(fromBoolean),
      mayLookAlike: fromBoolean(own.has_lookalikes),
    },
    tombstones: rows.filter((row) => row.person_id !== null),
  };
}
