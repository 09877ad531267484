/**
 * SQL expressions that read JSON and text in SQLite and PostgreSQL. For any stored data an expression gives a value
 * or null and never fails. Names come from the attribute catalogue, never from a request.
 */

import type { Dialect } from '../../db/open.ts';

/** The alias of one element of a multi-valued attribute. */
export const ELEMENT = 'element.value';

export interface SqlDialect {
  /** The text at a path inside a JSON expression, or null. */
  text(json: string, path: readonly string[]): string;
  /** Whether true, or false, is at the path. */
  isBoolean(json: string, path: readonly string[], value: boolean): string;
  /** A `from` item with the elements of a list: `element.value`, and `element.position` for their order. */
  elements(json: string, name: string): string;
  contains(text: string): string;
  startsWith(text: string): string;
  /**
   * Values from one text up to another, without the latter, in code point order; the column's own index serves it.
   */
  between(column: string): string;
  endsWith(text: string): string;
  /** In code point order, whatever the database's locale. */
  ordered(text: string): string;
  /** Lower case for A to Z and nothing else, whatever the database's locale. */
  lowerAscii(text: string): string;
}

const sqlite: SqlDialect = {
  text: (json, path) => ofObject(json, `json_extract(${json}, ${jsonPath(path)})`),
  isBoolean: (json, path, value) => ofObject(json, `json_type(${json}, ${jsonPath(path)})`) + ` = '${value}'`,
  elements: (json, name) =>
    `(select value, type, key as position from json_each(${json}, ${jsonPath([name])})) as element`,
  contains: (text) => `instr(${text}, ?) > 0`,
  startsWith: (text) => `substr(${text}, 1, ?) = ?`,
  between: (column) => `(${column} >= ? and ${column} < ?)`,
  endsWith: (text) => `substr(${text}, -?) = ?`,
  ordered: (text) => text,
  lowerAscii: (text) => `lower(${text})`,
};

/** An element may be a bare string, at which SQLite's JSON functions would fail. */
function ofObject(json: string, expression: string): string {
  return json === ELEMENT ? `case when element.type = 'object' then ${expression} end` : expression;
}

function jsonPath(path: readonly string[]): string {
  return `'$${path.map((name) => `."${name}"`).join('')}'`;
}

const postgres: SqlDialect = {
  text: (json, path) => `(${postgresPath(json, path)})`,
  isBoolean: (json, path, value) => `(${postgresPath(json, path)}) = '${value}'`,
  elements: (json, name) =>
    `jsonb_array_elements(case when jsonb_typeof(${json} -> '${name}') = 'array' then ${json} -> '${name}' else '[]' end)` +
    ' with ordinality as element(value, position)',
  contains: (text) => `strpos(${text}, ?) > 0`,
  startsWith: (text) => `left(${text}, ?) = ?`,
  between: (column) => `(${column} ~>=~ ? and ${column} ~<~ ?)`,
  endsWith: (text) => `right(${text}, ?) = ?`,
  ordered: (text) => `${text} collate "C"`,
  lowerAscii: (text) => `lower(${text} collate "C")`,
};

function postgresPath(json: string, path: readonly string[]): string {
  return path.reduce((inner, name, i) => `${inner} ${i === path.length - 1 ? '->>' : '->'} '${name}'`, json);
}

export function sqlDialect(dialect: Dialect): SqlDialect {
  return dialect === 'sqlite' ? sqlite : postgres;
}
