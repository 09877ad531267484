/** Names and addresses are compared without the blanks around them; those from before were kept with theirs. */

import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  for (const [table, column] of [
    ['user_emails', 'value_lower'],
    ['users', 'primary_email_lower'],
  ] as const) {
    await knex(table)
      .whereRaw(`${column} <> trim(${column})`)
      .update({ [column]: knex.raw(`trim(${column})`) });
  }
  for (const [table, column] of [
    ['users', 'user_name_lower'],
    ['groups', 'display_name_lower'],
  ] as const) {
    await trimUnique(knex, table, column);
  }
}

/** Where another resource has the name without blanks, the one with blanks stays as it is. */
async function trimUnique(knex: Knex, table: string, column: string): Promise<void> {
  const rows = await knex(table).whereRaw(`${column} <> trim(${column})`);
  for (const { id, connection_id, deleted_at, [column]: name } of rows) {
    const trimmed = String(name).trim();
    const taken = deleted_at
      ? undefined
      : await knex(table)
          .where({ connection_id, [column]: trimmed })
          .whereNull('deleted_at')
          .first('id');
    if (!taken)
      await knex(table)
        .where({ id })
        .update({ [column]: trimmed });
  }
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
