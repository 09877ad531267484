/** What a link remembers of the vendor: attributes that it did not take, and an account that it has yet to delete. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('links', (t) => {
    /** Attribute → {wanted, reason}: sent, and not so there; not sent again until something else is wanted. */
    t.jsonb('not_accepted');
    /** When the vendor took the bridge's deletion of the account, which may show it for a while after. */
    t.string('deleted_at', 24);
  });
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
