/**
 * Statements that are compiled once. For a short statement, knex takes longer to turn a builder into SQL than the
 * database takes to run it.
 */

import type { Knex } from 'knex';

/** What knex makes of a builder; `bindings` are the values in the order of the text. */
interface Compiled {
  readonly bindings: readonly unknown[];
}

/** Stands for a value while a statement is compiled. */
class Place {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }

  /** A statement that turns a value into text would keep what it saw. */
  [Symbol.toPrimitive](): never {
    throw new Error('a kept statement may only hand its values on');
  }

  toJSON(): never {
    return this[Symbol.toPrimitive]();
  }
}

const COMPILED = Symbol('compiled');

interface Ready {
  readonly [COMPILED]?: Compiled;
}

/** Lists and rows of other lengths are other texts. Of a statement that has had more, the oldest goes. */
const TEXTS_MAX = 500;
/** A statement with more values is hardly written twice. */
const VALUES_MAX = 200;

/**
 * A statement that `build` describes. It is compiled once for each form of what is given: which values are null,
 * missing, true or false, and how many a list has. On these alone, and on `fixed`, may the text depend; all other values
 * `build` hands on unseen.
 */
export function kept<Answer, Given extends object, Fixed = void>(
  build: (db: Knex, given: Given, fixed: Fixed) => Knex.QueryBuilder,
): (db: Knex, given: Given, fixed: Fixed) => Promise<Answer> {
  const builderOf = keeping(build);
  return async (db, given, fixed) => (await builderOf(db, given, fixed)) as Answer;
}

/** The same for a quick read that waits for no lock: outside of a transaction it may share a session. */
export function keptReading<Answer, Given extends object, Fixed = void>(
  build: (db: Knex, given: Given, fixed: Fixed) => Knex.QueryBuilder,
): (db: Knex, given: Given, fixed: Fixed) => Promise<Answer> {
  const builderOf = keeping(build);
  return async (db, given, fixed) => {
    const builder = builderOf(db, given, fixed);
    const share = (db.client as Partial<SharesReads>)[SHARES_READS];
    // One with very many values is not compiled, and may take long.
    const isQuick = COMPILED in builder;
    if (!isQuick || share === undefined) return (await builder) as Answer;
    return (await share((session) => builder.connection(session))) as Answer;
  };
}

/** As `kept`, but the statement is not asked yet. */
export function keeping<Given extends object, Fixed = void>(
  build: (db: Knex, given: Given, fixed: Fixed) => Knex.QueryBuilder,
): (db: Knex, given: Given, fixed: Fixed) => Knex.QueryBuilder {
  const texts = new Map<string, Compiled>();
  return (db, given, fixed) => {
    const { client } = db;
    if (!takesCompiled(client)) return build(db, given, fixed);
    const values: unknown[] = [];
    const form = `${client.config.client} ${JSON.stringify(fixed)} ${formOf(given, values)}`;
    if (values.length > VALUES_MAX) return build(db, given, fixed);
    let compiled = texts.get(form);
    if (!compiled) {
      compiled = build(db, placesOf(given, { next: 0 }) as Given, fixed).toSQL() as unknown as Compiled;
      const [oldest] = texts.keys();
      if (oldest !== undefined && texts.size === TEXTS_MAX) texts.delete(oldest);
      texts.set(form, compiled);
    }
    const bindings = compiled.bindings.map((one) => (one instanceof Place ? values[one.index] : one));
    return Object.assign(db.queryBuilder(), { [COMPILED]: { ...compiled, bindings } });
  };
}

/** Tells what has another text from what has the same, and collects the values. */
function formOf(given: unknown, values: unknown[]): string {
  if (given === null) return '-';
  if (given === undefined) return '!';
  if (typeof given === 'boolean') return given ? 't' : 'f';
  if (Array.isArray(given)) return `[${given.map((one) => formOf(one, values)).join()}]`;
  if (isRecord(given)) {
    let form = '{';
    for (const name in given) form += `${name}:${formOf(given[name], values)},`;
    return form;
  }
  if (typeof given === 'object' && !(given instanceof Date || ArrayBuffer.isView(given)))
    throw new TypeError('a kept statement is given values, and no parts of statements');
  values.push(given);
  return '?';
}

/** The same with a place for each value, in the order of `formOf`. */
function placesOf(given: unknown, count: { next: number }): unknown {
  if (given === null || given === undefined || typeof given === 'boolean') return given;
  if (Array.isArray(given)) return given.map((one) => placesOf(one, count));
  if (!isRecord(given)) return new Place(count.next++);
  return Object.fromEntries(Object.entries(given).map(([name, one]) => [name, placesOf(one, count)]));
}

function isRecord(given: unknown): given is Record<string, unknown> {
  if (typeof given !== 'object' || given === null) return false;
  const prototype: unknown = Object.getPrototypeOf(given);
  // A row that Node's SQLite answered has none.
  return prototype === Object.prototype || prototype === null;
}

/** A dialect's part: instead of a query compiler for the builder, what has been compiled before; else undefined. */
export function compiledBefore(builder: unknown): object | undefined {
  const compiled = (builder as Ready)[COMPILED];
  return compiled && { toSQL: () => compiled };
}

/** The dialects that ask `compiledBefore` say so by this name. */
export const TAKES_COMPILED = Symbol('takes compiled statements');

/** A dialect's part: hands a session to `read` in which others read meanwhile. The clients of transactions lack it. */
export const SHARES_READS = Symbol('shares sessions among reads');

export interface SharesReads {
  readonly [SHARES_READS]: (<T>(read: (session: never) => PromiseLike<T>) => Promise<T>) | undefined;
}

function takesCompiled(client: object): boolean {
  return TAKES_COMPILED in client;
}
