/**
 * What of a group's name stays in the form of any store, so that the groups that may come to one remote group are found
 * without reading all.
 */

import { createHash } from 'node:crypto';
import type { Knex } from 'knex';

const ROWS_PER_STEP = 200;

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('groups', (t) => {
    t.text('name_core');
  });
  await knex.raw(
    'create index groups_name_core on groups (environment_id, name_core) where deleted_at is null',
  );
  for (let after = ''; ; ) {
    const rows: { id: string; display_name: string }[] = await knex('groups')
      .where('id', '>', after)
      .orderBy('id')
      .limit(ROWS_PER_STEP)
      .select('id', 'display_name');
    const [first] = rows;
    if (!first) break;
    const cases = rows.map(() => 'when ? then ?').join(' ');
    const bindings = rows.flatMap(({ id, display_name }) => [id, coreOf(display_name)]);
    await knex('groups')
      .whereIn(
        'id',
        rows.map(({ id }) => id),
      )
      .update({ name_core: knex.raw(`case id ${cases} end`, bindings) });
    after = rows.at(-1)?.id ?? '';
  }
  if (knex.client.config.client === 'pg') return;
  await knex.raw('insert into sqlite_stat1 (tbl, idx, stat) values (?, ?, ?)', [
    ...['groups', 'groups_name_core', '10000 5000 2'],
  ]);
  await knex.raw('analyze sqlite_schema');
}

function coreOf(name: string): string {
  const path = name.replace(/[\s/]+$/, '');
  const last = path.slice(path.lastIndexOf('/') + 1);
  const letters = last
    .trim()
    .replace(/[ßẞ]/g, 'ss')
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '');
  const digest = () => createHash('sha256').update(last.trim().toLowerCase()).digest('hex').slice(0, 8);
  return letters === '' ? `group${digest()}` : letters.slice(0, 64);
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
