/**
 * Turns a filter into one SQL condition on `users` or `groups`. Every value is a binding. Indexes serve the look-ups
 * on which identity providers depend; nothing is ever filtered in memory.
 */

import type { Dialect } from '../../db/open.ts';
import type { Kind } from '../../model/subject.ts';
import { type Comparison, conjuncts, disjuncts, type Filter, FilterError } from './ast.ts';
import {
  type Attribute,
  type AttributeChain,
  ENTERPRISE_URN,
  GROUP_URN,
  leafOf,
  resolveAttribute,
  subAttribute,
  USER_URN,
} from './attributes.ts';
import { sqlDialect } from './dialect.ts';
import { elementField, type Field, fieldOf } from './fields.ts';
import { comparable, isNull, operandFor } from './operand.ts';
import { type RuleField, ruleField } from './ruleFields.ts';
import { compareText, compareTextSql, type Sql, type TextOp } from './text.ts';

/** What the condition tests: a resource, or one element inside it. */
interface Scope {
  readonly kind: Kind;
  readonly dialect: Dialect;
  /**
   * Null: the resource. Inside a single-valued complex attribute only names get shorter; inside a list the elements
   * are rows.
   */
  readonly inside: AttributeChain | null;
  /** The filter may ask about accounts at vendors. */
  readonly withIdentities: boolean;
}

const TRUE: Sql = { sql: '1 = 1', bindings: [] };
const FALSE: Sql = { sql: '1 = 0', bindings: [] };

/**
 * A condition for `query.whereRaw(sql, bindings)` on the table `users` or `groups`, without alias. It is true, false,
 * or null, which counts as false. Throws FilterError. `operand.ts` says how values are compared.
 */
export function filterToSql(
  filter: Filter,
  kind: Kind,
  dialect: Dialect,
  { withIdentities = false }: { readonly withIdentities?: boolean } = {},
): { sql: string; bindings: unknown[] } {
  const { sql, bindings } = condition({ kind, dialect, inside: null, withIdentities }, filter);
  return { sql: `(${sql})`, bindings: [...bindings] };
}

function condition(scope: Scope, filter: Filter): Sql {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return joined(
        filter.terms.map((term) => condition(scope, term)),
        filter.kind,
      );
    case 'not':
      return negated(condition(scope, filter.term));
    case 'present':
      return presence(scope, filter.attribute);
    case 'compare':
      return comparison(scope, filter);
    case 'elements':
      return elementsNamed(scope, filter.attribute, filter.filter);
  }
}

function joined(parts: readonly Sql[], operator: 'and' | 'or'): Sql {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  return {
    sql: parts.map(({ sql }) => `(${sql})`).join(` ${operator} `),
    bindings: parts.flatMap(({ bindings }) => bindings),
  };
}

/** Null counts as false, so that `not` makes it true. */
function negated({ sql, bindings }: Sql): Sql {
  return { sql: `not coalesce((${sql}), false)`, bindings };
}

function resolve(scope: Scope, name: string): AttributeChain | null {
  if (!scope.inside) return resolveAttribute(scope.kind, name);
  const sub = subAttribute(leafOf(scope.inside), name);
  return sub && [...scope.inside, sub];
}

function isList(scope: Scope, chain: AttributeChain): boolean {
  return chain[0].multiValued && scope.inside === null;
}

function identityIn(scope: Scope, name: string): RuleField | null {
  return scope.withIdentities && scope.inside === null ? ruleField(name, scope.dialect) : null;
}

function comparison(scope: Scope, filter: Comparison): Sql {
  const identity = identityIn(scope, filter.attribute);
  if (identity) return identityComparison(identity, filter, scope.dialect);
  const chain = resolve(scope, filter.attribute);
  if (!chain) return comparisonWithNothing(filter);
  if (isNull(filter.literal)) return comparisonWithNull(scope, chain, filter);
  if (chain[0].name === 'schemas') return schemas(scope, chain[0], filter);
  const leaf = comparable(leafOf(chain));
  if (isList(scope, chain)) return elements(scope, chain[0], { ...filter, attribute: leaf.name });
  const whole: AttributeChain = leaf === leafOf(chain) ? chain : [...chain, leaf];
  return compared(fieldIn(scope, whole), leaf, filter, scope.dialect);
}

function identityComparison({ field, attribute }: RuleField, filter: Comparison, dialect: Dialect): Sql {
  if (!isNull(filter.literal)) return compared(field, attribute, filter, dialect);
  operandFor(attribute, filter.op, filter.literal);
  return filter.op === 'ne' ? fieldPresence(field) : negated(fieldPresence(field));
}

/** RFC 7644 §3.4.2.1: an attribute that the resource type does not have has no value. */
function comparisonWithNothing({ op, literal }: Comparison): Sql {
  return (op === 'ne') !== isNull(literal) ? TRUE : FALSE;
}

function comparisonWithNull(scope: Scope, chain: AttributeChain, { op, literal }: Comparison): Sql {
  operandFor(leafOf(chain), op, literal);
  const present = presenceOf(scope, chain);
  return op === 'ne' ? present : negated(present);
}

function fieldIn(scope: Scope, chain: AttributeChain): Field {
  const [top] = chain;
  return top.multiValued
    ? elementField(scope.kind, top, leafOf(chain), scope.dialect)
    : fieldOf(scope.kind, chain, scope.dialect);
}

function compared(field: Field, attribute: Attribute, filter: Comparison, dialect: Dialect): Sql {
  if (filter.op === 'ne') return negated(compared(field, attribute, { ...filter, op: 'eq' }, dialect));
  const operand = operandFor(attribute, filter.op, filter.literal);
  const op = filter.op as TextOp;
  switch (operand.kind) {
    case 'absent':
      return negated(fieldPresence(field));
    case 'boolean':
      if (field.kind === 'boolean') return { sql: field.is(operand.value), bindings: [] };
      break;
    case 'time':
      if (field.kind === 'time')
        return { sql: `${field.sql} ${timeOperator(op)} ?`, bindings: [operand.iso] };
      break;
    case 'text':
      if (field.kind === 'text') return compareTextSql(field.text, op, operand.text, dialect);
      if (field.kind === 'time') {
        return compareTextSql({ sql: field.sql, match: 'exact' }, op, operand.text, dialect);
      }
      if (field.kind === 'constant') {
        return compareText(field.text, op, operand.text, attribute.caseExact) ? TRUE : FALSE;
      }
  }
  throw new FilterError(`${attribute.name} is made for each answer: filters can test its presence only.`);
}

function timeOperator(op: TextOp): string {
  return { eq: '=', gt: '>', ge: '>=', lt: '<', le: '<=', co: '=', sw: '=', ew: '=' }[op];
}

function presence(scope: Scope, name: string): Sql {
  const identity = identityIn(scope, name);
  if (identity) return fieldPresence(identity.field);
  const chain = resolve(scope, name);
  return chain ? presenceOf(scope, chain) : FALSE;
}

/** RFC 7644 §3.4.2.2, `pr`: the value is not empty; of a complex one, at least one part is not. */
function presenceOf(scope: Scope, chain: AttributeChain): Sql {
  const [top] = chain;
  if (top.name === 'schemas') return TRUE;
  if (isList(scope, chain)) {
    const sub = chain[1];
    return sub
      ? elements(scope, top, { kind: 'present', attribute: sub.name })
      : exists(scope, top, anyPresent(scope, top));
  }
  const leaf = leafOf(chain);
  if (leaf.type !== 'complex') return fieldPresence(fieldIn(scope, chain));
  const parts = [...leaf.subAttributes.values()].map((sub) => presenceOf(scope, [...chain, sub]));
  return joined(parts, 'or');
}

function fieldPresence(field: Field): Sql {
  switch (field.kind) {
    case 'text':
      return { sql: `${field.text.sql} <> ''`, bindings: [] };
    case 'boolean':
      return { sql: `(${field.is(true)} or ${field.is(false)})`, bindings: [] };
    default:
      return TRUE;
  }
}

/** The database does not store `schemas`: it is the core schema, and the extension where a value of it exists. */
function schemas(scope: Scope, attribute: Attribute, { op, literal }: Comparison): Sql {
  operandFor(attribute, op, literal);
  const matches = (urn: string) =>
    op === 'ne' ? urn !== literal.text : compareText(urn, op, literal.text, attribute.caseExact);
  if (matches(scope.kind === 'user' ? USER_URN : GROUP_URN)) return TRUE;
  return scope.kind === 'user' && matches(ENTERPRISE_URN) ? presence(scope, ENTERPRISE_URN) : FALSE;
}

function elementsNamed(scope: Scope, name: string, inner: Filter): Sql {
  const chain = resolve(scope, name);
  if (!chain) return FALSE;
  const leaf = leafOf(chain);
  if (leaf.type !== 'complex') {
    throw new FilterError(`${leaf.name} has no sub-attributes, so nothing can stand in ${leaf.name}[…].`);
  }
  if (isList(scope, chain)) return elements(scope, chain[0], inner);
  return joined([presenceOf(scope, chain), condition({ ...scope, inside: chain }, inner)], 'and');
}

/** True where an element of the list satisfies `inner`. */
function elements(scope: Scope, list: Attribute, inner: Filter): Sql {
  const alternatives = disjuncts(inner);
  if (alternatives.length > 1) {
    return joined(
      alternatives.map((alternative) => elements(scope, list, alternative)),
      'or',
    );
  }
  const test = condition({ ...scope, inside: [list] }, inner);
  const lookups = indexLookups(list, inner);
  const [only] = lookups;
  // A single look-up is enough by itself; two could have found two different elements.
  if (only && conjuncts(inner).length === 1) return only;
  return joined([...lookups, exists(scope, list, test)], 'and');
}

function exists(scope: Scope, list: Attribute, test: Sql): Sql {
  const rows = isMembership(list) ? membershipRows(scope.kind) : jsonRows(scope, list);
  return { sql: `exists (select 1 from ${rows} (${test.sql}))`, bindings: test.bindings };
}

/** True where an element has any value; a membership row always counts. */
function anyPresent(scope: Scope, list: Attribute): Sql {
  if (isMembership(list)) return TRUE;
  const parts = [...list.subAttributes.values()].map((sub) => fieldPresence(fieldIn(scope, [list, sub])));
  return joined(parts, 'or');
}

function isMembership(list: Attribute): boolean {
  return list.name === 'members' || list.name === 'groups';
}

function jsonRows(scope: Scope, list: Attribute): string {
  const table = scope.kind === 'user' ? 'users' : 'groups';
  return `${sqlDialect(scope.dialect).elements(`${table}.resource`, list.name)} where`;
}

function membershipRows(kind: Kind): string {
  return kind === 'group'
    ? 'group_members as membership join users as other on other.id = membership.user_id where membership.group_id = groups.id and'
    : 'group_members as membership join groups as other on other.id = membership.group_id where membership.user_id = users.id and';
}

/** For each such list, the look-up of its `value`. It is uncorrelated, so that the database starts with its index. */
const INDEXED: Readonly<Record<string, { sql: string; lower: boolean }>> = {
  emails: { sql: 'users.id in (select user_id from user_emails where value_lower = ?)', lower: true },
  members: { sql: 'groups.id in (select group_id from group_members where user_id = ?)', lower: false },
  groups: { sql: 'users.id in (select user_id from group_members where group_id = ?)', lower: false },
};

/** One look-up for each `value eq` that must be true. Empty values have no row by which they could be found. */
function indexLookups(list: Attribute, inner: Filter): readonly Sql[] {
  const indexed = INDEXED[list.name];
  const value = subAttribute(list, 'value');
  if (!indexed || !value) return [];
  return conjuncts(inner).flatMap((term) => {
    if (term.kind !== 'compare' || term.op !== 'eq' || subAttribute(list, term.attribute) !== value)
      return [];
    const operand = operandFor(value, term.op, term.literal);
    if (operand.kind !== 'text' || operand.text === '') return [];
    return [{ sql: indexed.sql, bindings: [indexed.lower ? operand.text.toLowerCase() : operand.text] }];
  });
}
