/** knex's client for PostgreSQL, quicker at writing statements. */

import type { Knex } from 'knex';
import PgClient from 'knex/lib/dialects/postgres/index.js';
import PgQueryCompiler from 'knex/lib/dialects/postgres/query/pg-querycompiler.js';
import { compiledBefore, SHARES_READS, type SharesReads, TAKES_COMPILED } from '../knex/kept.ts';
import { withLiteralLimit } from '../knex/literalLimit.ts';

const QueryCompiler = withLiteralLimit(PgQueryCompiler);

/** The code names a few hundred tables, columns and aliases. */
const IDENTIFIERS_MAX = 5_000;
const QUOTED = new Map<string, string>();

/** Longer texts list rows or ids, and hardly come twice. */
const TEXT_MAX = 6_000;
const TEXTS_MAX = 500;
const POSITIONED = new Map<string, string>();

/** How many reads may stand in line in one session. */
const READS_MAX = 16;

/** A session of the pool that reads share while there are any. */
interface SharedSession {
  readonly session: Promise<never>;
  reads: number;
}

export class PostgresClient extends PgClient implements SharesReads {
  #shared: SharedSession | null = null;

  // The name that migrations and queries know the dialect by.
  constructor(config: Knex.Config) {
    super({ ...config, client: 'pg' });
  }

  get [TAKES_COMPILED](): true {
    return true;
  }

  /** What is asked in one turn of the event loop goes out in one packet, and takes one session of the pool. */
  async [SHARES_READS]<T>(ask: (session: never) => PromiseLike<T>): Promise<T> {
    if (this.#shared === null || this.#shared.reads === READS_MAX)
      this.#shared = { session: this.acquireConnection() as Promise<never>, reads: 0 };
    const shared = this.#shared;
    shared.reads += 1;
    try {
      return await ask(await shared.session);
    } catch (error) {
      // The session may be broken, and the pool finds out once it has it back.
      this.#leave(shared);
      throw error;
    } finally {
      shared.reads -= 1;
      if (shared.reads === 0) {
        this.#leave(shared);
        await shared.session.then(
          (session) => this.releaseConnection(session),
          () => {},
        );
      }
    }
  }

  #leave(shared: SharedSession): void {
    if (this.#shared === shared) this.#shared = null;
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
