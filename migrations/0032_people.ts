/** By what people are found: words of their names, addresses and accounts; and since when each status holds. */

import type { Knex } from 'knex';

const PER_PAGE = 500;
const PER_INSERT = 100;

export async function up(knex: Knex): Promise<void> {
  // PostgreSQL finds prefixes by an index only where texts are compared byte by byte, as SQLite does.
  const bytewise = knex.client.config.client === 'pg' ? 'text collate "C"' : 'text';
  await knex.schema.createTable('person_words', (t) => {
    t.string('environment_id', 64).notNullable();
    t.string('person_id', 64).notNullable();
    /** The user's id, or the link's. */
    t.string('source_id', 64).notNullable();
    /** In lower case. */
    t.specificType('word', bytewise).notNullable();
    /** name, email, userName, accountName, accountId */
    t.string('kind', 16).notNullable();
    t.primary(['source_id', 'word']);
    t.index(['environment_id', 'word', 'person_id']);
    t.index(['person_id', 'word']);
  });
  await knex.schema.alterTable('sync_statuses', (t) => {
    t.string('since', 24);
  });
  await knex('sync_statuses').update({ since: knex.ref('last_sync_at') });
  await fill(knex, 'users', (row) => wordsOfUser(parsed(row.resource)), 'person_id');
  await fill(
    knex,
    'links',
    (row) => [
      ['accountName', row.remote_name],
      ['accountId', row.remote_id],
    ],
    'subject_id',
  );
}

type Word = readonly [kind: string, text: unknown];
// biome-ignore lint/suspicious/noExplicitAny: a row as the database has it
type Row = Record<string, any>;

async function fill(
  knex: Knex,
  table: 'users' | 'links',
  wordsOf: (row: Row) => readonly Word[],
  person: string,
): Promise<void> {
  for (let after = ''; ; ) {
    const rows: Row[] = await knex(table).where('id', '>', after).orderBy('id').limit(PER_PAGE);
    const words = rows
      .filter((row) =>
        table === 'links' ? row.kind === 'user' && row.remote_name !== '[purged]' : !row.purged_at,
      )
      .flatMap((row) => {
        const distinct = new Map<string, string>();
        for (const [kind, text] of wordsOf(row)) {
          if (typeof text !== 'string' || text.trim() === '') continue;
          const word = text.trim().toLowerCase().slice(0, 200);
          if (!distinct.has(word)) distinct.set(word, kind);
        }
        return [...distinct].map(([word, kind]) => ({
          ...{ environment_id: row.environment_id, person_id: row[person], source_id: row.id, word, kind },
        }));
      });
    for (let from = 0; from < words.length; from += PER_INSERT)
      await knex('person_words').insert(words.slice(from, from + PER_INSERT));
    if (rows.length < PER_PAGE) return;
    after = rows.at(-1)?.id;
  }
}

function wordsOfUser(user: Row): readonly Word[] {
  const { displayName, name = {}, userName, emails } = user;
  const full = [name?.givenName, name?.familyName].filter((part) => typeof part === 'string').join(' ');
  const names = [displayName, name?.formatted, full].filter((text) => typeof text === 'string');
  const addresses = Array.isArray(emails) ? emails.map((email: Row) => email?.value) : [];
  return [
    ['userName', userName],
    ...addresses.map((address) => ['email', address] as const),
    ...names.map((text) => ['name', text] as const),
    ...names.flatMap((text: string) => text.split(/\s+/).map((word) => ['name', word] as const)),
  ];
}

function parsed(value: unknown): Row {
  return (typeof value === 'string' ? JSON.parse(value) : value) as Row;
}

export async function down(): Promise<void> {
  throw new Error('Migrations are append-only: restore a backup instead of going down.');
}
