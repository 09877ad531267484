/** Stores from before keep the brake that they had in force: the default of BRAKE_PERCENT was 20 and is lower now. */

import type { Knex } from 'knex';

const DEFAULT_BEFORE = 20;

export async function up(knex: Knex): Promise<void> {
  const stores = await knex('stores').whereNull('deleted_at').select('id', 'configuration');
  for (const { id, configuration } of stores) {
    const given = typeof configuration === 'string' ? JSON.parse(configuration) : configuration;
    if (given.BRAKE_PERCENT !== undefined) continue;
    const kept = { ...given, BRAKE_PERCENT: DEFAULT_BEFORE };
    await knex('stores')
      .where({ id })
      .update({ configuration: JSON.stringify(kept) });
  }
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
