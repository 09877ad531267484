/** The name that a group shows of a member, beside the stored resource: taking it out of there costs most of the read. */

import type { Knex } from 'knex';

const ROWS_PER_STEP = 1_000;

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('users', (t) => {
    t.text('display_name');
  });
  for (let after = ''; ; ) {
    const ids: string[] = await knex('users')
      .where('id', '>', after)
      .orderBy('id')
      .limit(ROWS_PER_STEP)
      .pluck('id');
    const last = ids.at(-1);
    if (last === undefined) return;
    await knex('users')
      .where('id', '>', after)
      .where('id', '<=', last)
      .update({ display_name: knex.raw(`resource ->> 'displayName'`) });
    after = last;
  }
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
