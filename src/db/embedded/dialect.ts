/**
 * knex on Node's own SQLite: the `sqlite3` dialect with another driver. It answers statements in this thread, so no
 * caller may send one here that may take long; `remote.ts` has connections for those.
 */

import type { Knex } from 'knex';
import SqliteClient from 'knex/lib/dialects/sqlite3/index.js';
import SqliteQueryCompiler from 'knex/lib/dialects/sqlite3/query/sqlite-querycompiler.js';
import { compiledBefore, TAKES_COMPILED } from '../knex/kept.ts';
import { withLiteralLimit } from '../knex/literalLimit.ts';
import { type AnswerKind, Connection, type Result, whenFree } from './connection.ts';
import { RemoteConnection } from './remote.ts';
import { type Access, Writer } from './writer.ts';

export interface Settings {
  readonly filename: string;
  readonly readOnly?: boolean;
  /** The connection lives in a process of its own, which can be ended in the middle of a statement. */
  readonly remote?: boolean;
  /** Statements that run first. */
  readonly opening?: string;
}

/** A statement as knex sends it. */
interface Query {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
  readonly method?: string;
  readonly returning?: unknown;
  response?: readonly unknown[];
  context?: Result;
}

type AnyConnection = Access | Connection | RemoteConnection;

const QueryCompiler = withLiteralLimit(SqliteQueryCompiler);

export class NodeSqliteClient extends SqliteClient {
  #writer: Writer | null = null;

  // The name that migrations and queries know the dialect by.
  constructor(config: Knex.Config) {
    super({ ...config, client: 'sqlite3' });
  }

  _driver(): typeof Connection {
    return Connection;
  }

  get [TAKES_COMPILED](): true {
    return true;
  }

  override queryCompiler(builder: unknown, ...given: unknown[]): object {
    return compiledBefore(builder) ?? new QueryCompiler(this, builder, ...given);
  }

  override async acquireRawConnection(): Promise<AnyConnection> {
    const { filename: file, readOnly = false, remote = false, opening } = this.connectionSettings as Settings;
    if (remote) return RemoteConnection.open({ file, readOnly });
    if (readOnly) return new Connection({ file, readOnly });
    if (this.#writer === null || this.#writer.isClosed)
      this.#writer = new Writer(new Connection({ file, readOnly, opening }));
    return this.#writer.access();
  }

  override async destroyRawConnection(connection: AnyConnection): Promise<void> {
    connection.close();
  }

  /** Tells knex to drop a connection that has ended. */
  override async validateConnection(connection: AnyConnection): Promise<boolean> {
    return !(connection instanceof RemoteConnection && connection.isEnded);
  }

  async _query(connection: AnyConnection, query: Query): Promise<Query> {
    const values = query.bindings ?? [];
    const wanted = wantedOf(query);
    const result =
      connection instanceof Connection
        ? await whenFree(() => connection.run(query.sql, values, wanted))
        : await connection.run(query.sql, values, wanted);
    query.response = result.rows;
    query.context = result;
    return query;
  }
}

function wantedOf({ method, returning }: Query): AnswerKind {
  const changes = method === 'del' || method === 'counter';
  return changes || ((method === 'insert' || method === 'update') && !returning) ? 'changes' : 'rows';
}
