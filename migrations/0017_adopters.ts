/** Who adopts an account by the last plan of everybody, so that nobody takes it for a stranger's meanwhile. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('observations', (t) => {
    /** A person's id; a hint, to be made sure of by a look at that person. */
    t.string('adopter_id', 64);
  });
  // The phases of a sync have new names: whatever is under way begins anew.
  await knex('sync_runs')
    .where({ state: 'RUNNING', settling: false })
    .update({ state: 'QUEUED', position: null, summary: '{}', drift: '[]' });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
