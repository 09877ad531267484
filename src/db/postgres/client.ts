/** knex's client for PostgreSQL, quicker at writing statements. */

import type { Knex } from 'knex';
import PgClient from 'knex/lib/dialects/postgres/index.js';
import PgQueryCompiler from 'knex/lib/dialects/postgres/query/pg-querycompiler.js';
import { withLiteralLimit } from '../literalLimit.ts';

const QueryCompiler = withLiteralLimit(PgQueryCompiler);

export class PostgresClient extends PgClient {
  // The name that migrations and queries know the dialect by.
  constructor(config: Knex.Config) {
    super({ ...config, client: 'pg' });
  }

  override queryCompiler(...given: unknown[]): object {
    return new QueryCompiler(this, ...given);
  }
}
