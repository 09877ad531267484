/**
 * Parses filters and PATCH paths: the whole grammar of RFC 7644 §3.4.2.2 and §3.5.2, and what identity providers send
 * beyond it (values without quotes, `emails[…].value eq "x"`). It knows no schema.
 */

import { type CompareOp, type Filter, FilterError, type Literal, type Path, PathError } from './ast.ts';
import { shown, type Token, tokenize } from './tokens.ts';

/** Characters in a filter. */
export const FILTER_LENGTH_MAX = 10_000;
/** Characters in a path. This is enough for one that names about a thousand members by their ids. */
export const PATH_LENGTH_MAX = 64 * 1024;
/** Levels of parentheses and brackets. */
export const FILTER_DEPTH_MAX = 50;
/** Comparisons and presence tests in one filter, those inside `[…]` included: each costs time for every resource. */
export const COMPARISONS_MAX = 32;
/** The same for the expression of a rule: an admin writes it, and it is asked once for many people. */
export const POPULATION_COMPARISONS_MAX = 200;

/**
 * `[URI ":"] ATTRNAME ["." subAttr]`, RFC 7644 figure 1; a URN holds dots and colons. In rules, an attribute of an
 * account at a vendor begins with `identities` and the connection's handle.
 */
const ATTRIBUTE =
  /^(?:urn:[a-z0-9][\w.:~%+$-]*|identities\.[a-z][\w-]*\.[a-z$][\w$.-]*|[a-z$][\w$-]*(?:\.[a-z$][\w$-]*)?)$/i;

const COMPARE_OPS: ReadonlySet<string> = new Set(['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']);

interface Cursor {
  readonly tokens: readonly Token[];
  next: number;
  depth: number;
  comparisons: number;
  readonly comparisonsMax: number;
  /** A value path cannot contain another (RFC 7644 figure 1, valFilter). */
  inElements: boolean;
}

/** Throws FilterError with a sentence that names the place. */
export function parseFilter(text: string, comparisonsMax = COMPARISONS_MAX): Filter {
  if (text.length > FILTER_LENGTH_MAX) {
    throw new FilterError(
      `A filter has at most ${FILTER_LENGTH_MAX} characters; this one has ${text.length}.`,
    );
  }
  return parseWhole(text, { comparisonsMax, inElements: false });
}

/** Throws PathError, or FilterError for the part between brackets. */
export function parsePath(text: string): Path {
  if (text.length > PATH_LENGTH_MAX) throw new PathError(`A path has at most ${PATH_LENGTH_MAX} characters.`);
  const bracket = text.indexOf('[');
  if (bracket < 0) return { attribute: pathAttribute(text.trim(), text), filter: null, sub: null };
  const end = text.lastIndexOf(']');
  const after = text.slice(end + 1).trim();
  const sub = /^\.([a-z$][\w$-]*)$/i.exec(after)?.[1] ?? null;
  if (end < bracket || (after !== '' && sub === null)) {
    throw new PathError(`The path ${shown(text)} must look like attribute[filter] or attribute[filter].sub.`);
  }
  const attribute = pathAttribute(text.slice(0, bracket).trim(), text);
  const selection = text.slice(bracket + 1, end);
  // Runs no query, so that the length of the path is limit enough.
  const filter = parseWhole(selection, { comparisonsMax: Number.POSITIVE_INFINITY, inElements: true });
  return { attribute, filter, sub };
}

function pathAttribute(attribute: string, path: string): string {
  if (ATTRIBUTE.test(attribute)) return attribute;
  throw new PathError(`The path ${shown(path)} does not begin with the name of an attribute.`);
}

function parseWhole(text: string, limits: Pick<Cursor, 'comparisonsMax' | 'inElements'>): Filter {
  const cursor: Cursor = { tokens: tokenize(text), next: 0, depth: 0, comparisons: 0, ...limits };
  const filter = parseOr(cursor);
  if (peek(cursor)) throw unexpected(cursor, '"and", "or" or the end');
  return filter;
}

function parseOr(cursor: Cursor): Filter {
  const terms = [parseAnd(cursor)];
  while (takeWord(cursor, 'or')) terms.push(parseAnd(cursor));
  return single(terms) ?? { kind: 'or', terms };
}

function parseAnd(cursor: Cursor): Filter {
  const terms = [parseTerm(cursor)];
  while (takeWord(cursor, 'and')) terms.push(parseTerm(cursor));
  return single(terms) ?? { kind: 'and', terms };
}

function single(terms: readonly Filter[]): Filter | undefined {
  return terms.length === 1 ? terms[0] : undefined;
}

function parseTerm(cursor: Cursor): Filter {
  if (peek(cursor)?.kind === '(') return parseNested(cursor, '(', ')');
  if (isWord(cursor, 'not')) {
    cursor.next++;
    return { kind: 'not', term: parseNested(cursor, '(', ')') };
  }
  const attribute = takeAttribute(cursor);
  return peek(cursor)?.kind === '[' ? parseElements(cursor, attribute) : parseTest(cursor, attribute);
}

function parseNested(cursor: Cursor, open: '(' | '[', close: ')' | ']'): Filter {
  take(cursor, open);
  if (++cursor.depth > FILTER_DEPTH_MAX) {
    throw new FilterError(`A filter may nest parentheses ${FILTER_DEPTH_MAX} deep, not more.`);
  }
  const filter = parseOr(cursor);
  take(cursor, close);
  cursor.depth--;
  return filter;
}

function parseElements(cursor: Cursor, attribute: string): Filter {
  if (cursor.inElements) {
    throw new FilterError(
      `${attribute}[…] is inside of another […]: one attribute's elements hold no others.`,
    );
  }
  cursor.inElements = true;
  const filter = parseNested(cursor, '[', ']');
  cursor.inElements = false;
  const sub = /^\.([a-z$][\w$-]*)$/i.exec(peek(cursor)?.text ?? '')?.[1];
  if (sub === undefined) return { kind: 'elements', attribute, filter };
  cursor.next++;
  const test = parseTest(cursor, sub);
  return { kind: 'elements', attribute, filter: { kind: 'and', terms: [filter, test] } };
}

function parseTest(cursor: Cursor, attribute: string): Filter {
  if (++cursor.comparisons > cursor.comparisonsMax) {
    throw new FilterError(`A filter may hold ${cursor.comparisonsMax} comparisons, not more.`);
  }
  const token = peek(cursor);
  const op = token?.kind === 'word' ? token.text.toLowerCase() : '';
  if (op === 'pr') {
    cursor.next++;
    return { kind: 'present', attribute };
  }
  if (!COMPARE_OPS.has(op)) {
    throw unexpected(cursor, `one of the operators ${[...COMPARE_OPS].join(', ')}, pr after "${attribute}"`);
  }
  cursor.next++;
  return { kind: 'compare', attribute, op: op as CompareOp, literal: takeLiteral(cursor) };
}

function takeAttribute(cursor: Cursor): string {
  const token = peek(cursor);
  if (token?.kind !== 'word' || !ATTRIBUTE.test(token.text))
    throw unexpected(cursor, 'the name of an attribute');
  cursor.next++;
  return token.text;
}

function takeLiteral(cursor: Cursor): Literal {
  const token = peek(cursor);
  if (token?.kind === 'string') {
    cursor.next++;
    return { text: token.text, quoted: true };
  }
  if (token?.kind !== 'word') throw unexpected(cursor, 'a value');
  if (token.text.startsWith("'"))
    throw new FilterError(`Strings stand in double quotes, not in ${shown(token.text)}.`);
  cursor.next++;
  return { text: token.text, quoted: false };
}

function peek(cursor: Cursor): Token | undefined {
  return cursor.tokens[cursor.next];
}

function isWord(cursor: Cursor, word: string): boolean {
  const token = peek(cursor);
  return token?.kind === 'word' && token.text.toLowerCase() === word;
}

function takeWord(cursor: Cursor, word: string): boolean {
  if (!isWord(cursor, word)) return false;
  cursor.next++;
  return true;
}

function take(cursor: Cursor, kind: Token['kind']): void {
  if (peek(cursor)?.kind !== kind) throw unexpected(cursor, `"${kind}"`);
  cursor.next++;
}

function unexpected(cursor: Cursor, wanted: string): FilterError {
  const token = peek(cursor);
  return new FilterError(
    token
      ? `The filter has ${shown(token.text)} at character ${token.at + 1} where ${wanted} belongs.`
      : `The filter ends where ${wanted} belongs.`,
  );
}
