/**
 * Decides whether a list must read every resource of the connection: such a list is a *scan*. Only a few scans run at
 * a time, so the look-ups on which identity providers depend must not count as scans. A test compares this file with
 * the plans of the databases.
 */

import type { Kind } from '../../model/subject.ts';
import { conjuncts, disjuncts, type Filter } from './ast.ts';
import { type AttributeChain, leafOf, resolveAttribute, subAttribute } from './attributes.ts';
import { isNull } from './operand.ts';

/** An index finds the rows with the value for `eq`, and those that begin with it for `sw`. */
const COLUMNS: Readonly<Record<Kind, ReadonlySet<string>>> = {
  user: new Set(['id', 'externalId', 'userName', 'displayName']),
  group: new Set(['id', 'externalId', 'displayName']),
};

/**
 * Lists whose `value eq` uses an index. A group may have many users, and each further test must look at all of them.
 */
const FEW: ReadonlySet<string> = new Set(['emails', 'members']);
const MANY = 'groups';

/** Sorting by these uses a column; sorting by others reads the attribute from every resource. */
const SORT_COLUMNS: ReadonlySet<string> = new Set([
  ...['id', 'externalId', 'userName', 'displayName', 'active', 'meta'],
]);

export function isScan(filter: Filter | null, sortBy: string | null, kind: Kind): boolean {
  if (filter !== null) return !isServedByIndex(filter, kind);
  const chain = sortBy === null ? null : resolveAttribute(kind, sortBy.trim());
  return chain !== null && !SORT_COLUMNS.has(chain[0].name);
}

function isServedByIndex(filter: Filter, kind: Kind): boolean {
  const terms = conjuncts(filter);
  const isFound = (term: Filter) =>
    disjuncts(term).every((one) => conjuncts(one).some((test) => isColumnLookUp(test, kind)));
  return terms.some((term) => isFound(term) || isListLookUp(term, kind, terms.length === 1));
}

/** Columns in which no two resources of a connection have the same value. */
const UNIQUE: Readonly<Record<Kind, ReadonlySet<string>>> = {
  user: new Set(['id', 'userName']),
  group: new Set(['id', 'displayName']),
};

/** Whether the filter names the resources one by one, so that no others can match. */
export function isOfNamed(filter: Filter | null, kind: Kind): boolean {
  if (filter === null) return false;
  const isNamed = (test: Filter) => UNIQUE[kind].has(comparedByEq(test, kind)?.[0].name ?? '');
  return conjuncts(filter).some((term) => disjuncts(term).every((one) => conjuncts(one).some(isNamed)));
}

/** Too many values share a shorter beginning. */
const PREFIX_MIN = 3;

function isColumnLookUp(test: Filter, kind: Kind): boolean {
  if (test.kind === 'compare' && test.op === 'sw') {
    const [attribute] = resolveAttribute(kind, test.attribute) ?? [];
    const isIndexed = attribute !== undefined && attribute.name !== 'id' && COLUMNS[kind].has(attribute.name);
    return isIndexed && hasText(test.literal) && [...test.literal.text].length >= PREFIX_MIN;
  }
  const chain = comparedByEq(test, kind);
  return chain !== null && COLUMNS[kind].has(chain[0].name);
}

function isListLookUp(test: Filter, kind: Kind, isAlone: boolean): boolean {
  if (test.kind === 'elements') {
    const list = resolveAttribute(kind, test.attribute)?.[0];
    const value = list && subAttribute(list, 'value');
    return (
      FEW.has(list?.name ?? '') &&
      conjuncts(test.filter).some(
        (inner) =>
          inner.kind === 'compare' &&
          inner.op === 'eq' &&
          list !== undefined &&
          subAttribute(list, inner.attribute) === value &&
          hasText(inner.literal),
      )
    );
  }
  const chain = comparedByEq(test, kind);
  if (chain === null) return false;
  const [list] = chain;
  const isValue = leafOf(chain) === list || leafOf(chain).name === 'value';
  return isValue && (FEW.has(list.name) || (list.name === MANY && isAlone));
}

/** The attribute that a test compares by `eq` with a text that is not empty; null for every other test. */
function comparedByEq(test: Filter, kind: Kind): AttributeChain | null {
  if (test.kind !== 'compare' || test.op !== 'eq' || !hasText(test.literal)) return null;
  return resolveAttribute(kind, test.attribute);
}

function hasText(literal: { readonly text: string; readonly quoted: boolean }): boolean {
  return literal.text !== '' && !isNull(literal);
}
