/**
 * The process behind a `RemoteConnection`. It answers one statement after the other on a connection of its own and
 * only reads. It ends with the process that started it, and is killed where a statement takes too long.
 */

import { type AnswerKind, Connection, type ConnectionOptions, type Result } from './connection.ts';

/** The first message opens the connection; every other one is a statement. */
export type Order =
  | { readonly open: ConnectionOptions }
  | { readonly sql: string; readonly values: readonly unknown[]; readonly wanted: AnswerKind };

export type Reply =
  | { readonly result: Result }
  | { readonly failed: { readonly message: string; readonly code?: string; readonly errno?: number } };

let connection: Connection | null = null;

function answer(order: Order): Result {
  if ('open' in order) connection = new Connection(order.open);
  else if (connection) return connection.run(order.sql, order.values, order.wanted);
  return { rows: [], changes: 0, lastID: 0 };
}

function reply(order: Order): Reply {
  try {
    return { result: answer(order) };
  } catch (error) {
    const { message, code, errno } = error as Error & { code?: string; errno?: number };
    return {
      failed: { message, ...(code === undefined ? {} : { code }), ...(errno === undefined ? {} : { errno }) },
    };
  }
}

process.on('message', (order: Order) => process.send?.(reply(order) satisfies Reply));
process.on('disconnect', () => process.exit());
// A terminal sends these signals to both processes, and the bridge finishes what is under way before it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
