/**
 * What an address looks like (the skeleton of UTS 39, with the domain as people read it), and whose it looks like where
 * it was new then. Addresses from before look like nobody's: they are not judged again.
 */

import { domainToUnicode } from 'node:url';
import type { Knex } from 'knex';
import unhomoglyph from 'unhomoglyph';

const ROWS_PER_STEP = 200;

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('users', (t) => {
    t.text('address_skeleton');
    t.text('looks_like');
    t.index(['environment_id', 'address_skeleton'], 'users_skeleton');
  });
  for (let after = ''; ; ) {
    const rows: { id: string; primary_email_lower: string }[] = await knex('users')
      .whereNotNull('primary_email_lower')
      .where('id', '>', after)
      .orderBy('id')
      .limit(ROWS_PER_STEP)
      .select('id', 'primary_email_lower');
    const [first] = rows;
    if (!first) return;
    const cases = rows.map(() => 'when ? then ?').join(' ');
    const bindings = rows.flatMap(({ id, primary_email_lower }) => [id, skeletonOf(primary_email_lower)]);
    await knex('users')
      .whereIn(
        'id',
        rows.map(({ id }) => id),
      )
      .update({ address_skeleton: knex.raw(`case id ${cases} end`, bindings) });
    after = rows.at(-1)?.id ?? '';
  }
}

function skeletonOf(address: string): string {
  const at = address.lastIndexOf('@') + 1;
  const domain = address.slice(at);
  const readable = address.slice(0, at) + (domainToUnicode(domain) || domain);
  return unhomoglyph(readable.normalize('NFD')).normalize('NFD').toLowerCase();
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
