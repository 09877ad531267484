/**
 * One table of losses: those that wait, those that somebody decided, and those that stores took. What belongs
 * together is an incident of the environment, over all its stores.
 */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('incidents', (t) => {
    t.string('id', 64).primary();
    t.string('environment_id', 64).notNullable();
    /** From 1 in each environment. */
    t.integer('number').notNullable();
    /** stores: losses on stores. source: what a pull would take from the directory. */
    t.string('kind', 16).notNullable();
    /** OPEN, CLOSED */
    t.string('state', 8).notNullable();
    /** `type:id` of the connection or admin whose request began it: their next one joins it. */
    t.string('opener').notNullable();
    t.string('connection_id', 64);
    t.string('opened_at', 24).notNullable();
    t.string('closed_at', 24);
    t.string('claimed_by_id', 64);
    t.string('claimed_by_name');
    t.string('claimed_at', 24);
    t.unique(['environment_id', 'number']);
    t.index(['environment_id', 'state', 'opener', 'opened_at']);
  });
  /** The row of an environment is the lock under which its incidents are opened, joined and closed. */
  await knex.schema.createTable('incident_numbers', (t) => {
    t.string('environment_id', 64).primary();
    t.integer('last').notNullable();
  });
  /** A store on which something of the incident is held, and its brake at that moment. */
  await knex.schema.createTable('incident_stores', (t) => {
    t.string('incident_id', 64).notNullable();
    t.string('store_id', 64).notNullable();
    t.integer('people_max').notNullable();
    t.integer('base').notNullable();
    /** Where the incident tripped the brake: what is held from then on belongs to it. */
    t.string('tripped_at', 24);
    t.primary(['incident_id', 'store_id']);
    t.index(['store_id', 'tripped_at']);
  });
  await knex.schema.createTable('incident_notes', (t) => {
    t.string('id', 64).primary();
    t.string('incident_id', 64).notNullable();
    t.string('at', 24).notNullable();
    t.string('by').notNullable();
    t.text('text').notNullable();
    t.index(['incident_id', 'at', 'id']);
  });

  await knex.schema.renameTable('held', 'losses');
  await knex.schema.alterTable('losses', (t) => {
    /** Null: taken, and no incident has to do with it. */
    t.string('incident_id', 64);
    /** It speaks for the next plan: it waits, or a decision on it counts. */
    t.boolean('standing').notNullable().defaultTo(true);
    /** When the store took it. */
    t.string('done_at', 24);
    /** Who asked for it to be given back, and when. */
    t.string('undo_by');
    t.string('undo_at', 24);
    t.index(['incident_id', 'person_key']);
    t.index(['store_id', 'done_at']);
    t.index(['cause']);
  });
  await gatherWhatIsHeld(knex);
}

/** What is held by now is one incident of each environment. */
async function gatherWhatIsHeld(knex: Knex): Promise<void> {
  const environments: { environment_id: string; since: string }[] = await knex('losses')
    .where({ state: 'held' })
    .groupBy('environment_id')
    .select('environment_id')
    .min({ since: 'since' });
  for (const { environment_id, since } of environments) {
    const id = `held-before-${environment_id}`.slice(0, 64);
    await knex('incident_numbers').insert({ environment_id, last: 1 });
    await knex('incidents').insert({
      ...{ id, environment_id, number: 1, kind: 'stores', state: 'OPEN' },
      ...{ opener: 'system:', opened_at: since },
    });
    await knex('losses').where({ environment_id, state: 'held' }).update({ incident_id: id });
    const stores = await knex('losses').where({ incident_id: id }).distinct('store_id');
    for (const { store_id } of stores) {
      const store = await knex('stores').where({ id: store_id }).first('configuration', 'brake_tripped_at');
      const enabled = await knex('links')
        .where({ store_id, kind: 'user', state: 'enabled' })
        .count({ n: '*' })
        .first();
      const base = Number(enabled?.n ?? 0);
      const { configuration } = store;
      const { BRAKE_MIN = 10, BRAKE_PERCENT = 20 } =
        typeof configuration === 'string' ? JSON.parse(configuration) : configuration;
      await knex('incident_stores').insert({
        ...{ incident_id: id, store_id, base, tripped_at: store.brake_tripped_at },
        people_max: Math.max(BRAKE_MIN, Math.floor((BRAKE_PERCENT * base) / 100)),
      });
    }
  }
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
