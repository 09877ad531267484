/** knex's client for PostgreSQL, quicker at writing statements. */

import type { Knex } from 'knex';
import PgClient from 'knex/lib/dialects/postgres/index.js';
import PgQueryCompiler from 'knex/lib/dialects/postgres/query/pg-querycompiler.js';
import { compiledBefore, SHARES_READS, type SharesReads, TAKES_COMPILED } from '../knex/kept.ts';
import { withLiteralLimit } from '../knex/literalLimit.ts';
import { SharedSession } from './sharing.ts';

const QueryCompiler = withLiteralLimit(PgQueryCompiler);

/** The code names a few hundred tables, columns and aliases. */
const IDENTIFIERS_MAX = 5_000;
const QUOTED = new Map<string, string>();

/** Longer texts list rows or ids, and hardly come twice. */
const TEXT_MAX = 6_000;
const TEXTS_MAX = 500;
const POSITIONED = new Map<string, string>();

export class PostgresClient extends PgClient implements SharesReads {
  readonly #shared = new SharedSession(this);
  /** Not in the prototype, so that the clients that knex derives for transactions lack it. */
  readonly [SHARES_READS]: SharesReads[typeof SHARES_READS];

  // The name that migrations and queries know the dialect by.
  constructor(config: Knex.Config) {
    super({ ...config, client: 'pg' });
    this[SHARES_READS] = isPipelined(config) ? (read) => this.#shared.ask(read) : undefined;
  }

  get [TAKES_COMPILED](): true {
    return true;
  }

  override destroy(...given: Parameters<Knex.Client['destroy']>): ReturnType<Knex.Client['destroy']> {
    this.#shared.end();
    return super.destroy(...given);
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

/** The driver sends a statement before the one ahead of it is answered. */
function isPipelined({ connection }: Knex.Config): boolean {
  return (connection as { readonly pipeline?: boolean } | undefined)?.pipeline === true;
}
