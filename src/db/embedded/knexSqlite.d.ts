/** What the dialect takes from inside of knex, which has no types for it. */

declare module 'knex/lib/dialects/sqlite3/index.js' {
  import { Knex } from 'knex';

  export default class SqliteClient extends Knex.Client {}
}

declare module 'knex/lib/dialects/sqlite3/query/sqlite-querycompiler.js' {
  export default class SqliteQueryCompiler {
    constructor(...given: unknown[]);
    readonly single: { readonly limit?: unknown; skipBinding?: Readonly<Record<string, boolean>> };
    limit(): string;
  }
}
