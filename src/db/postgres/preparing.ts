/**
 * PostgreSQL plans a statement each time that it is asked, which takes longer than most of ours take to run. What is
 * asked often is prepared instead, under a name: each session plans it once, and again when the tables have grown
 * (https://www.postgresql.org/docs/current/sql-prepare.html).
 */

import { createHash } from 'node:crypto';

/** What of a pg client is used here. */
export interface Querying {
  query(query: unknown, done: Done): unknown;
}

export type Done = (error: Error | null, result?: unknown) => void;

/** Of a statement that is asked so often it is worth it that each session keeps its plan. */
const OFTEN = 5;
const PREPARED_MAX = 300;
/** Texts that are counted. */
const COUNTED_MAX = 1_000;
/** Characters: a longer one has as many rows or ids in it as there were, and hardly comes again. */
const TEXT_MAX = 6_000;

/** Of one process, over all its sessions. */
export class PreparedStatements {
  readonly #asked = new Map<string, number>();
  readonly #names = new Map<string, string>();
  #generation = 0;
  #isOff = false;

  /** Where sessions are shared, the same name means the same text to every process. */
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

  /** After `isStalePlan`. A session that does not know a name is not this process's alone: nothing is prepared any more. */
  forget(error: Error): void {
    this.#names.clear();
    this.#generation += 1;
    this.#isOff ||= codeOf(error) !== FEATURE_NOT_SUPPORTED;
  }
}

const FEATURE_NOT_SUPPORTED = '0A000';
/** invalid_sql_statement_name, duplicate_prepared_statement. */
const SHARED_SESSION = /^(26000|42P05)$/;

/** The statement may be asked again: a table has other columns now, or a pooler gave the session to others meanwhile. */
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

/** In a transaction that has failed. */
const IN_FAILED_TRANSACTION = '25P02';

/** From now on the session prepares what is asked often. A statement whose plan is stale it asks once more, without a name. */
export function prepareOften(session: Querying, statements: PreparedStatements): void {
  const ask = session.query.bind(session);
  session.query = (query: unknown, done: Done) => {
    const name = isPlain(query) ? statements.nameOf(query.text) : undefined;
    if (name === undefined) return ask(query, done);
    return ask({ ...(query as object), name }, (error, result) => {
      if (error === null || error === undefined || !isStalePlan(error)) return done(error, result);
      statements.forget(error);
      ask(query, (second, result) => done(codeOf(second) === IN_FAILED_TRANSACTION ? error : second, result));
    });
  };
}

/** Text and values, and neither a stream nor what has a name already. */
function isPlain(query: unknown): query is { readonly text: string } {
  const { text, values, name, submit } = query as Record<string, unknown>;
  if (typeof text !== 'string' || !Array.isArray(values) || values.length === 0) return false;
  return name === undefined && submit === undefined;
}
