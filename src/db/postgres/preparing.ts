/**
 * PostgreSQL plans a statement each time it is sent, which takes longer than most of ours take to run. Frequent
 * statements are prepared under a name instead: each session plans them once, and again after the tables have grown
 * (https://www.postgresql.org/docs/current/sql-prepare.html).
 */

import { createHash } from 'node:crypto';

/** The part of a pg client that is used here. */
export interface Querying {
  query(query: unknown, done: Done): unknown;
}

export type Done = (error: Error | null, result?: unknown) => void;

/** How often a statement must be sent for its plan to be worth keeping in each session. */
const OFTEN = 5;
const PREPARED_MAX = 300;
/** How many texts are counted. */
const COUNTED_MAX = 1_000;
/** Characters: a longer statement lists rows or ids, and hardly comes twice. */
const TEXT_MAX = 6_000;

/** The prepared statements of one process, for all its sessions. */
export class PreparedStatements {
  readonly #asked = new Map<string, number>();
  readonly #names = new Map<string, string>();
  #generation = 0;
  #isOff = false;

  /** Where processes share sessions, the same name means the same text to each. */
  nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || this.#isOff) return known;
    if (text.length > TEXT_MAX || this.#names.size === PREPARED_MAX) return undefined;
    if (this.#asked.size === COUNTED_MAX) this.#asked.clear();
    const asked = (this.#asked.get(text) ?? 0) + 1;
    this.#asked.set(text, asked);
    if (asked < OFTEN) return undefined;
    this.#asked.delete(text);
    const name = `${createHash('sha256').update(text).digest('base64url')}_${this.#generation}`;
    this.#names.set(text, name);
    return name;
  }

  /**
   * Call it after `isStalePlan`. Where a session does not know a name any more, processes share it, and nothing is
   * prepared from then on. `wasThere`: the session has run the statement under its name.
   */
  forget(error: Error, wasThere: boolean): void {
    const code = codeOf(error);
    // The same statement was sent just before, and the server could not prepare that one.
    if (code === INVALID_NAME && !wasThere) return;
    this.#names.clear();
    this.#generation += 1;
    this.#isOff ||= code !== FEATURE_NOT_SUPPORTED;
  }
}

const FEATURE_NOT_SUPPORTED = '0A000';
/** invalid_sql_statement_name */
const INVALID_NAME = '26000';
/** invalid_sql_statement_name, duplicate_prepared_statement. */
const SHARED_SESSION = /^(26000|42P05)$/;

/**
 * Whether the statement may be sent again: a table has other columns now, or a pooler gave the session to another
 * process meanwhile.
 */
export function isStalePlan(error: unknown): boolean {
  const code = codeOf(error);
  if (typeof code === 'string' && SHARED_SESSION.test(code)) return true;
  return (
    code === FEATURE_NOT_SUPPORTED && (error as { routine?: unknown }).routine === 'RevalidateCachedQuery'
  );
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

/** The texts that begin and end transactions, as knex sends them. */
export const BEGIN = /^BEGIN\b/;
export const END = /^(COMMIT|ROLLBACK);?$/;

/**
 * Makes the session prepare frequent statements. Outside of a transaction it sends a statement with a stale plan once
 * more, without a name. A transaction has failed with it, and is done once more as a whole: its commit may have been
 * sent already, and the statement would come after it.
 */
export function prepareOften(session: Querying, statements: PreparedStatements): void {
  const ask = session.query.bind(session);
  const there = new Set<string>();
  let isInTransaction = false;
  session.query = (query: unknown, done: Done) => {
    const text = textOf(query);
    if (BEGIN.test(text)) isInTransaction = true;
    else if (END.test(text)) isInTransaction = false;
    const name = isPlain(query) ? statements.nameOf(query.text) : undefined;
    if (name === undefined) return ask(query, done);
    const mayAskAgain = !isInTransaction;
    return ask({ ...(query as object), name }, (error, result) => {
      const isDone = error === null || error === undefined;
      if (isDone) there.add(name);
      if (isDone || !isStalePlan(error)) return done(error, result);
      statements.forget(error, there.has(name));
      if (mayAskAgain) ask(query, done);
      else done(error);
    });
  };
}

/** Whether the query is only text and values: no stream, and nothing that has a name already. */
function isPlain(query: unknown): query is { readonly text: string } {
  const { text, values, name, submit } = query as Record<string, unknown>;
  if (typeof text !== 'string' || !Array.isArray(values) || values.length === 0) return false;
  return name === undefined && submit === undefined;
}

/** Of what a session is asked; '' where it is no text. */
export function textOf(query: unknown): string {
  const text = typeof query === 'string' ? query : (query as { readonly text?: unknown }).text;
  return typeof text === 'string' ? text : '';
}
