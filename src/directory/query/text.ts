/**
 * Compares texts exactly or ignoring case (RFC 7643 §2.2, `caseExact`). It never uses LIKE, so that no character of a
 * value is special.
 */

import type { Dialect } from '../../db/open.ts';
import { foldedSql, foldingOf } from '../../support/folding.ts';
import type { CompareOp } from './ast.ts';
import { sqlDialect } from './dialect.ts';

export interface Sql {
  readonly sql: string;
  readonly bindings: readonly unknown[];
}

/** An SQL expression for a text, and the case of its letters. */
export interface SqlText {
  readonly sql: string;
  /** `lowered`: a column whose values JavaScript's toLowerCase made. */
  readonly match: 'exact' | 'lowered' | 'insensitive';
  /** A column with an index in its order. */
  readonly isIndexed?: boolean;
}

/** Without `ne`: callers negate `eq`. */
export type TextOp = Exclude<CompareOp, 'ne'>;

const ORDER = { gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

/** True, false, or null where the text is null. */
export function compareTextSql(text: SqlText, op: TextOp, value: string, dialect: Dialect): Sql {
  const d = sqlDialect(dialect);
  const { left, right, bindings } = folded(text, value, dialect);
  const length = [...right].length;
  switch (op) {
    case 'eq':
      return { sql: `${left} = ?`, bindings: [...bindings, right] };
    case 'co':
    case 'sw':
    case 'ew':
      // Every text contains the empty one; substr and right would count from the wrong end for it.
      if (right === '') return { sql: `${text.sql} is not null`, bindings: [] };
      if (op === 'co') return { sql: d.contains(left), bindings: [...bindings, right] };
      if (op === 'sw' && text.isIndexed) {
        const end = afterAllWith(right);
        if (end !== null) return { sql: d.between(left), bindings: [...bindings, right, end] };
      }
      return {
        sql: op === 'sw' ? d.startsWith(left) : d.endsWith(left),
        bindings: [...bindings, length, right],
      };
    default:
      return { sql: `${d.ordered(left)} ${ORDER[op]} ?`, bindings: [...bindings, right] };
  }
}

const LAST_CODE_POINT = 0x10ffff;
const SURROGATES = { first: 0xd800, last: 0xdfff };

/** The first text in code point order after all that begin with `prefix`; null where there is none. */
function afterAllWith(prefix: string): string | null {
  const characters = [...prefix];
  const last = characters.pop()?.codePointAt(0) ?? LAST_CODE_POINT;
  if (last === LAST_CODE_POINT) return null;
  const next = last + 1 === SURROGATES.first ? SURROGATES.last + 1 : last + 1;
  return characters.join('') + String.fromCodePoint(next);
}

/** The same comparison of two texts in memory. */
export function compareText(stored: string, op: TextOp, value: string, caseExact: boolean): boolean {
  const [left, right] = caseExact ? [stored, value] : [stored.toLowerCase(), value.toLowerCase()];
  switch (op) {
    case 'eq':
      return left === right;
    case 'co':
      return left.includes(right);
    case 'sw':
      return left.startsWith(right);
    case 'ew':
      return left.endsWith(right);
    case 'gt':
      return Buffer.compare(Buffer.from(left), Buffer.from(right)) > 0;
    case 'ge':
      return Buffer.compare(Buffer.from(left), Buffer.from(right)) >= 0;
    case 'lt':
      return Buffer.compare(Buffer.from(left), Buffer.from(right)) < 0;
    case 'le':
      return Buffer.compare(Buffer.from(left), Buffer.from(right)) <= 0;
  }
}

function folded(text: SqlText, value: string, dialect: Dialect) {
  if (text.match === 'exact') return { left: text.sql, right: value, bindings: [] };
  if (text.match === 'lowered') return { left: text.sql, right: value.toLowerCase(), bindings: [] };
  const folding = foldingOf(value);
  const left = foldedSql(sqlDialect(dialect).lowerAscii(text.sql), folding);
  return { left, right: folding.value, bindings: folding.pairs.flat() };
}
