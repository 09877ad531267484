/**
 * The primary e-mail as a connection maps it: users of several connections with the same one are found to be one
 * person. It is written again when an admin changes the mapping.
 */

import type { Resource } from '../../model/resource.ts';
import { addressSkeleton } from '../../support/skeleton.ts';
import { fromJson, lower } from '../columns.ts';
import type { Db } from '../open.ts';

/** Each user takes four bound values, and its id. */
const REMAPPED_PER_STATEMENT_MAX = 150;

/**
 * Writes the column again for the connection's live users whose address changes with the mapping. Their versions
 * stay, because the identity provider sees no difference.
 */
export async function remapPrimaryEmails(
  db: Db,
  connectionId: string,
  emailOf: (resource: Resource) => string | null,
): Promise<void> {
  for (let after = ''; ; ) {
    const rows: Record<string, unknown>[] = await db('users')
      .where({ connection_id: connectionId })
      .whereNull('deleted_at')
      .where('id', '>', after)
      .orderBy('id')
      .limit(REMAPPED_PER_STATEMENT_MAX)
      .select('id', 'resource', 'primary_email_lower');
    const moved = rows.flatMap((row) => {
      const email = emailOf(fromJson<Resource>(row.resource));
      const value = email === null ? null : lower(email);
      return value === row.primary_email_lower ? [] : [{ id: row.id as string, value }];
    });
    if (moved.length > 0) {
      const cases = moved.map(() => 'when ? then ?').join(' ');
      const bindings = moved.flatMap(({ id, value }) => [id, value]);
      const skeletons = moved.flatMap(({ id, value }) => [
        id,
        value === null ? null : addressSkeleton(value),
      ]);
      await db('users')
        .whereIn(
          'id',
          moved.map(({ id }) => id),
        )
        .update({
          primary_email_lower: db.raw(`case id ${cases} end`, bindings as never),
          address_skeleton: db.raw(`case id ${cases} end`, skeletons as never),
          looks_like: null,
        });
    }
    if (rows.length < REMAPPED_PER_STATEMENT_MAX) return;
    after = rows.at(-1)?.id as string;
  }
}
