/**
 * The columns of a user that follow its connection's mapping: the primary e-mail, by which users of several
 * connections are found to be one person, and the manager. They are written again when an admin changes the mapping.
 */

import { isDeepStrictEqual } from 'node:util';
import { primaryEmail, type Resource } from '../../model/resource.ts';
import { managerOf } from '../../model/source.ts';
import { addressSkeleton } from '../../support/skeleton.ts';
import { fromJson, lower } from '../columns.ts';
import type { Db } from '../open.ts';

/** `mapped`: the user as its connection maps it. */
export function mappedColumns(mapped: Resource) {
  const email = primaryEmail(mapped);
  const address = email === null ? null : lower(email);
  const manager = managerOf(mapped);
  return {
    primary_email_lower: address,
    address_skeleton: address === null ? null : addressSkeleton(address),
    /** Null where the identity provider knows managers by something else than the bridge's ids. */
    manager_id: manager?.length === ID_LENGTH ? manager : null,
  };
}

const ID_LENGTH = 36;

/** Each user takes eight bound values, and its id. */
const REMAPPED_PER_STATEMENT_MAX = 100;

/**
 * Writes the columns again for the connection's live users for whom the mapping changes one. Their versions stay,
 * because the identity provider sees no difference.
 */
export async function remapUsers(
  db: Db,
  connectionId: string,
  mapped: (resource: Resource) => Resource,
): Promise<void> {
  for (let after = ''; ; ) {
    const rows: Record<string, unknown>[] = await db('users')
      .where({ connection_id: connectionId })
      .whereNull('deleted_at')
      .where('id', '>', after)
      .orderBy('id')
      .limit(REMAPPED_PER_STATEMENT_MAX)
      .select('id', 'resource', 'primary_email_lower', 'address_skeleton', 'manager_id', 'looks_like');
    const moved = rows.flatMap(({ id, resource, looks_like, ...before }) => {
      const columns = mappedColumns(mapped(fromJson<Resource>(resource)));
      if (isDeepStrictEqual(columns, before)) return [];
      const isSame = columns.primary_email_lower === before.primary_email_lower;
      return [{ id: id as string, columns: { ...columns, looks_like: isSame ? looks_like : null } }];
    });
    if (moved.length > 0) await writeColumns(db, moved);
    if (rows.length < REMAPPED_PER_STATEMENT_MAX) return;
    after = rows.at(-1)?.id as string;
  }
}

interface Moved {
  readonly id: string;
  readonly columns: Readonly<Record<string, unknown>>;
}

async function writeColumns(db: Db, moved: readonly Moved[]): Promise<void> {
  const cases = `case id ${moved.map(() => 'when ? then ?').join(' ')} end`;
  const valuesOf = (name: string) => moved.flatMap(({ id, columns }) => [id, columns[name]]);
  const names = Object.keys(moved[0]?.columns ?? {});
  await db('users')
    .whereIn(
      'id',
      moved.map(({ id }) => id),
    )
    .update(Object.fromEntries(names.map((name) => [name, db.raw(cases, valuesOf(name) as never)])));
}
