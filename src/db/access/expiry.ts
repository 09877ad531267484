/** Which tokens of both kinds end when. */

import type { Db } from '../open.ts';

/** The kinds of tokens that end after `now` and not after `until`, both ISO times. */
export async function kindsEnding(
  db: Db,
  now: string,
  until: string,
): Promise<{ readonly admin: boolean; readonly scim: boolean }> {
  const ends = async (table: 'admin_tokens' | 'scim_tokens') => {
    const query = db(table).where('valid_until', '>', now).where('valid_until', '<=', until);
    return (await query.first('id')) !== undefined;
  };
  return { admin: await ends('admin_tokens'), scim: await ends('scim_tokens') };
}

export interface EndedToken {
  readonly id: string;
  readonly name: string;
  readonly validUntil: string;
}

const NAMED_MAX = 20;

/** Admin tokens that have ended, the last one first. */
export async function endedAdminTokens(db: Db, now: string): Promise<readonly EndedToken[]> {
  const rows: { id: string; name: string; valid_until: string }[] = await db('admin_tokens')
    .where('valid_until', '<=', now)
    .orderBy('valid_until', 'desc')
    .limit(NAMED_MAX)
    .select('id', 'name', 'valid_until');
  return rows.map(({ id, name, valid_until }) => ({ id, name, validUntil: valid_until }));
}
