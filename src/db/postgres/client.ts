/** knex's client for PostgreSQL, quicker at writing statements. */

import type { Knex } from 'knex';
import PgClient from 'knex/lib/dialects/postgres/index.js';
import PgQueryCompiler from 'knex/lib/dialects/postgres/query/pg-querycompiler.js';
import { compiledBefore, TAKES_COMPILED } from '../knex/kept.ts';
import { withLiteralLimit } from '../knex/literalLimit.ts';

const QueryCompiler = withLiteralLimit(PgQueryCompiler);

/** The code names a few hundred tables, columns and aliases. */
const IDENTIFIERS_MAX = 5_000;
const QUOTED = new Map<string, string>();

/** Longer texts list rows or ids, and hardly come twice. */
const TEXT_MAX = 6_000;
const TEXTS_MAX = 500;
const POSITIONED = new Map<string, string>();

export class PostgresClient extends PgClient {
  // The name that migrations and queries know the dialect by.
  constructor(config: Knex.Config) {
    super({ ...config, client: 'pg' });
  }

  get [TAKES_COMPILED](): true {
    return true;
  }

  override queryCompiler(builder: unknown, ...given: unknown[]): object {
    return compiledBefore(builder) ?? new QueryCompiler(this, builder, ...given);
  }

  /** Numbers the places of a text. */
  override positionBindings(text: string): string {
    if (text.length > TEXT_MAX) return super.positionBindings(text);
    const known = POSITIONED.get(text);
    if (known !== undefined) return known;
    const positioned = super.positionBindings(text);
    if (POSITIONED.size === TEXTS_MAX) POSITIONED.clear();
    POSITIONED.set(text, positioned);
    return positioned;
  }

  override wrapIdentifier(name: string): string {
    const known = QUOTED.get(name);
    if (known !== undefined) return known;
    const quoted = super.wrapIdentifierImpl(name);
    if (QUOTED.size < IDENTIFIERS_MAX) QUOTED.set(name, quoted);
    return quoted;
  }
}
