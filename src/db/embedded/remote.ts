/**
 * A connection whose statements run in a process of their own. Only the caller waits for a long statement, and it can
 * be ended, which Node's SQLite does not offer within a process. It must only read, because ending it loses its work.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { AnswerKind, ConnectionOptions, Result } from './connection.ts';
import type { Order, Reply } from './reader.ts';

const READER = join(import.meta.dirname, 'reader.ts');

interface Waiting {
  resolve(result: Result): void;
  reject(error: Error): void;
}

type End = Readonly<Record<'code' | 'message', string>>;

const INTERRUPTED: End = { code: 'SQLITE_INTERRUPT', message: 'SQLITE_INTERRUPT: interrupted' };
/** Its code marks an outage, so the statement is tried again. */
const GONE: End = { code: 'EPIPE', message: 'The process that reads the database has ended' };

const running = new Set<ChildProcess>();
/** A process that ends must leave no reader behind in the middle of a statement. */
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class RemoteConnection {
  readonly #child: ChildProcess;
  #waiting: Waiting | null = null;
  #ended: End | null = null;

  static async open(options: ConnectionOptions): Promise<RemoteConnection> {
    const connection = new RemoteConnection();
    try {
      await connection.#ask({ open: options });
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  private constructor() {
    this.#child = fork(READER, {
      // The reader gets none of the bridge's secrets, and none of its memory limits.
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    running.add(this.#child);
    this.#child.unref();
    this.#child.channel?.unref();
    this.#child.on('message', (reply: Reply) => this.#answered(reply));
    this.#child.once('error', () => this.#end(GONE));
    this.#child.once('exit', () => this.#end(GONE));
  }

  get isEnded(): boolean {
    return this.#ended !== null;
  }

  run(sql: string, values: readonly unknown[], wanted: AnswerKind): Promise<Result> {
    return this.#ask({ sql, values, wanted });
  }

  /** Ends the running statement, and with it the connection. */
  interrupt(): void {
    if (this.#waiting === null) return;
    this.#end(INTERRUPTED);
  }

  close(): void {
    this.#end(GONE);
  }

  /** knex sends one statement at a time. */
  #ask(order: Order): Promise<Result> {
    if (this.#ended) return Promise.reject(errorOf(this.#ended));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#child.channel?.ref();
      this.#child.send(order, (error) => {
        if (error) this.#end(GONE);
      });
    });
  }

  #answered(reply: Reply): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#child.channel?.unref();
    if ('result' in reply) waiting?.resolve(reply.result);
    else waiting?.reject(Object.assign(new Error(reply.failed.message), reply.failed));
  }

  #end(how: End): void {
    this.#ended ??= how;
    running.delete(this.#child);
    this.#child.kill('SIGKILL');
    this.#waiting?.reject(errorOf(how));
    this.#waiting = null;
  }
}

function errorOf({ code, message }: End): Error {
  return Object.assign(new Error(message), { code });
}
