/**
 * What a filter's value means for the attribute it is compared with, and which comparisons an attribute
 * allows (RFC 7644 §3.4.2.2). SQL and the comparison in memory both start here, so that they agree.
 *
 * Semantics, where the RFC leaves room:
 * - An attribute that is missing, is null, or that the schema does not have, has no value: every comparison with it is
 *   false, except `ne`, which is `not eq`. `eq null` is `not pr`, `ne null` is `pr`.
 * - A multi-valued attribute matches if one of its values does, for `ne` too; without values it never matches.
 * - A complex attribute means its `value` where it has one (`emails eq`, `manager eq`).
 * - A string attribute compares a value without quotes as text.
 * - Names and addresses are compared without surrounding blanks.
 */

import { type CompareOp, FilterError, type Literal } from './ast.ts';
import { type Attribute, subAttribute } from './attributes.ts';
import { shown } from './tokens.ts';

export type Operand =
  /** null: the attribute has no value */
  | { readonly kind: 'absent' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** ISO 8601, UTC, milliseconds: as times are stored */
  | { readonly kind: 'time'; readonly iso: string };

const EQUALITY: ReadonlySet<CompareOp> = new Set(['eq', 'ne']);
const ORDER: ReadonlySet<CompareOp> = new Set(['gt', 'ge', 'lt', 'le']);

/** Throws FilterError where the attribute cannot be compared so. */
export function operandFor(attribute: Attribute, op: CompareOp, literal: Literal): Operand {
  checkText(literal.text);
  if (isNull(literal)) {
    if (EQUALITY.has(op)) return { kind: 'absent' };
    throw new FilterError(`"${op} null" means nothing; only eq and ne take null.`);
  }
  switch (attribute.type) {
    case 'boolean':
      return { kind: 'boolean', value: booleanValue(attribute, op, literal) };
    case 'dateTime':
      return EQUALITY.has(op) || ORDER.has(op)
        ? { kind: 'time', iso: timeValue(attribute, literal) }
        : { kind: 'text', text: literal.text };
    case 'binary':
      if (ORDER.has(op))
        throw new FilterError(`${attribute.name} is binary and has no order: "${op}" is not for it.`);
      return { kind: 'text', text: literal.text };
    case 'complex':
      throw new FilterError(
        `${attribute.name} has sub-attributes: compare one of them, such as ${example(attribute)}.`,
      );
    default:
      // Only a part of a text may begin or end with a blank.
      return { kind: 'text', text: attribute.trimmed && op === 'eq' ? literal.text.trim() : literal.text };
  }
}

export function isNull(literal: Literal): boolean {
  return !literal.quoted && literal.text.toLowerCase() === 'null';
}

/** The attribute to compare: the one given, or a complex one's `value`. Throws FilterError where it has none. */
export function comparable(attribute: Attribute): Attribute {
  if (attribute.type !== 'complex') return attribute;
  const value = subAttribute(attribute, 'value');
  if (value) return value;
  throw new FilterError(
    `${attribute.name} has sub-attributes: compare one of them, such as ${example(attribute)}.`,
  );
}

/** Whether the database can store the text: PostgreSQL takes neither NUL nor half of a surrogate pair. */
export function isStorableText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function checkText(text: string): void {
  if (!isStorableText(text)) throw new FilterError('A value holds a NUL character or half a surrogate pair.');
}

function example(attribute: Attribute): string {
  const [first] = attribute.subAttributes.values();
  return `${attribute.name}.${first?.name}`;
}

/** Entra ID writes booleans as strings, in any case. */
function booleanValue(attribute: Attribute, op: CompareOp, literal: Literal): boolean {
  if (!EQUALITY.has(op)) throw new FilterError(`${attribute.name} is true or false: "${op}" is not for it.`);
  const text = literal.text.toLowerCase();
  if (text === 'true' || text === 'false') return text === 'true';
  throw new FilterError(`${attribute.name} is true or false, not ${shown(literal.text)}.`);
}

/** RFC 7643 §2.3.5, an xsd:dateTime; without a zone it is UTC, and a date alone is its midnight. */
const DATE_TIME = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)?$/i;

function timeValue(attribute: Attribute, literal: Literal): string {
  const [, date, time, zone] = DATE_TIME.exec(literal.text) ?? [];
  const ms =
    date === undefined ? Number.NaN : Date.parse(`${date}T${time ?? '00:00'}${zone ?? 'Z'}`.toUpperCase());
  if (!Number.isNaN(ms)) return new Date(ms).toISOString();
  throw new FilterError(
    `${attribute.name} is compared with a time such as "2026-01-31T09:30:00Z", not with ${shown(literal.text)}.`,
  );
}
