/** What the dialects take from inside of knex, which has no types for it. */

declare module 'knex/lib/dialects/sqlite3/index.js' {
  import { Knex } from 'knex';

  export default class SqliteClient extends Knex.Client {}
}

declare module 'knex/lib/dialects/postgres/index.js' {
  import { Knex } from 'knex';

  export default class PostgresClient extends Knex.Client {}
}

declare module 'knex/lib/dialects/sqlite3/query/sqlite-querycompiler.js' {
  export { default } from 'knex/lib/query/querycompiler.js';
}

declare module 'knex/lib/dialects/postgres/query/pg-querycompiler.js' {
  export { default } from 'knex/lib/query/querycompiler.js';
}

declare module 'knex/lib/query/querycompiler.js' {
  export default class QueryCompiler {
    constructor(...given: unknown[]);
    readonly single: {
      readonly limit?: unknown;
      skipBinding?: Readonly<Record<string, boolean | undefined>>;
    };
    limit(): string;
  }
}
