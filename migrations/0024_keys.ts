/** Who has which address, user name or group name on a store, and who waits for one that another has. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('link_keys', (t) => {
    t.string('link_id', 64).notNullable().references('links.id').onDelete('CASCADE');
    t.string('store_id', 64).notNullable();
    t.string('attribute', 64).notNullable();
    t.text('value_lower').notNullable();
    t.primary(['link_id', 'attribute']);
    t.index(['store_id', 'attribute', 'value_lower']);
  });
  await knex.schema.createTable('key_waits', (t) => {
    t.string('store_id', 64).notNullable().references('stores.id');
    t.string('kind', 8).notNullable();
    t.string('subject_id', 64).notNullable();
    t.string('attribute', 64).notNullable();
    t.text('value').notNullable();
    t.text('value_lower').notNullable();
    /** waiting: its holder is about to give it up. taken: the vendor refused it. */
    t.string('state', 8).notNullable();
    t.text('reason').notNullable();
    /** What the account or group is called meanwhile, so that somebody else can have what it had. */
    t.text('temporary');
    t.primary(['store_id', 'kind', 'subject_id', 'attribute']);
    t.index(['store_id', 'kind', 'attribute', 'value_lower']);
  });
  await fill(knex);
}

/** What the connectors of today call their keys. */
const KEYS = ['email', 'username', 'externUid', 'primaryEmail', 'userName'];
const LINKS_PER_BATCH = 1_000;
const ROWS_PER_INSERT = 100;

async function fill(knex: Knex): Promise<void> {
  let after = '';
  for (;;) {
    const links = await knex('links')
      .where('id', '>', after)
      .orderBy('id')
      .limit(LINKS_PER_BATCH)
      .select('id', 'store_id', 'kind', 'remote_name', 'applied', 'observed');
    if (links.length === 0) return;
    const rows = links.flatMap(({ id, store_id, kind, remote_name, applied, observed }) =>
      Object.entries(kind === 'group' ? { name: remote_name } : { ...read(applied), ...read(observed) })
        .filter(([name, value]) => value !== '' && (kind === 'group' || KEYS.includes(name)))
        .map(([attribute, value]) => ({
          link_id: id,
          store_id,
          attribute,
          value_lower: String(value).toLowerCase(),
        })),
    );
    for (let from = 0; from < rows.length; from += ROWS_PER_INSERT)
      await knex('link_keys').insert(rows.slice(from, from + ROWS_PER_INSERT));
    after = links.at(-1).id;
  }
}

function read(column: unknown): Record<string, unknown> {
  return (typeof column === 'string' ? JSON.parse(column) : column) as Record<string, unknown>;
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
