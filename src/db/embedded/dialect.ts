/**
 * knex on Node's own SQLite: the `sqlite3` dialect with another driver below it. A statement is answered in this thread,
 * so a caller must not send one here that may take long; `remote.ts` has connections for those.
 */

import type { Knex } from 'knex';
import SqliteClient from 'knex/lib/dialects/sqlite3/index.js';
import { giveWay } from '../../support/turns.ts';
import { Connection, isWorthWaiting, type Result, type Wanted } from './connection.ts';
import { RemoteConnection } from './remote.ts';

export interface Settings {
  readonly filename: string;
  readonly readOnly?: boolean;
  /** In a process of its own, which can be ended in the middle of a statement. */
  readonly remote?: boolean;
}

/** What knex knows of a statement that it sends. */
interface Query {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
  readonly method?: string;
  readonly returning?: unknown;
  response?: readonly unknown[];
  context?: Result;
}

type AnyConnection = Connection | RemoteConnection;

export class NodeSqliteClient extends SqliteClient {
  // The name that migrations and queries know the dialect by.
  constructor(config: Knex.Config) {
    super({ ...config, client: 'sqlite3' });
  }

  _driver(): typeof Connection {
    return Connection;
  }

  override async acquireRawConnection(): Promise<AnyConnection> {
    const { filename: file, readOnly = false, remote = false } = this.connectionSettings as Settings;
    return remote ? RemoteConnection.open({ file, readOnly }) : new Connection({ file, readOnly });
  }

  override async destroyRawConnection(connection: AnyConnection): Promise<void> {
    connection.close();
  }

  /** knex gives up a connection that is none any more. */
  override async validateConnection(connection: AnyConnection): Promise<boolean> {
    return !(connection instanceof RemoteConnection && connection.isEnded);
  }

  async _query(connection: AnyConnection, query: Query): Promise<Query> {
    const values = query.bindings ?? [];
    const wanted = wantedOf(query);
    const result =
      connection instanceof RemoteConnection
        ? await connection.run(query.sql, values, wanted)
        : await whenFree(() => connection.run(query.sql, values, wanted));
    query.response = result.rows;
    query.context = result;
    return query;
  }
}

function wantedOf({ method, returning }: Query): Wanted {
  const changes = method === 'del' || method === 'counter';
  return changes || ((method === 'insert' || method === 'update') && !returning) ? 'changes' : 'rows';
}

/** As long as SQLite itself would wait, in this thread, for another process that has the lock. */
const BUSY_MAX_MS = 5_000;
const BUSY_AGAIN_MS = 20;

async function whenFree<T>(work: () => T): Promise<T> {
  // A statement that is answered at once lets nobody else have their turn.
  await giveWay();
  for (let until: number | null = null; ; ) {
    try {
      return work();
    } catch (error) {
      if (!isWorthWaiting(error)) throw error;
      until ??= performance.now() + BUSY_MAX_MS;
      if (performance.now() >= until) throw error;
      await new Promise((done) => setTimeout(done, BUSY_AGAIN_MS));
    }
  }
}
