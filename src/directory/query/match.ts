/**
 * Tests in memory whether an element of a multi-valued attribute matches the filter of a PATCH path. Lists are always
 * filtered in SQL, never here.
 */

import { type Comparison, type Filter, FilterError } from './ast.ts';
import { type Attribute, subAttribute } from './attributes.ts';
import { comparable, operandFor } from './operand.ts';
import { compareText, type TextOp } from './text.ts';

export type Element = Readonly<Record<string, unknown>>;

/** Throws FilterError at once, even without elements. `operand.ts` says how values are compared. */
export function elementMatcher(list: Attribute, filter: Filter): (element: Element) => boolean {
  switch (filter.kind) {
    case 'and': {
      const tests = filter.terms.map((term) => elementMatcher(list, term));
      return (element) => tests.every((test) => test(element));
    }
    case 'or': {
      const tests = filter.terms.map((term) => elementMatcher(list, term));
      return (element) => tests.some((test) => test(element));
    }
    case 'not': {
      const test = elementMatcher(list, filter.term);
      return (element) => !test(element);
    }
    case 'present': {
      const sub = subAttribute(list, filter.attribute);
      return (element) => sub !== null && isPresent(element[sub.name]);
    }
    case 'compare':
      return comparisonMatcher(list, filter);
    case 'elements':
      throw new FilterError(`${filter.attribute}[…] cannot stand inside of ${list.name}[…].`);
  }
}

function comparisonMatcher(list: Attribute, filter: Comparison): (element: Element) => boolean {
  if (filter.op === 'ne') {
    const equal = comparisonMatcher(list, { ...filter, op: 'eq' });
    return (element) => !equal(element);
  }
  const sub = subAttribute(list, filter.attribute);
  if (!sub) return () => false;
  const attribute = comparable(sub);
  const operand = operandFor(attribute, filter.op, filter.literal);
  switch (operand.kind) {
    case 'absent':
      return (element) => !isPresent(element[attribute.name]);
    case 'boolean':
      return (element) => element[attribute.name] === operand.value;
    case 'time':
      return (element) => element[attribute.name] === operand.iso;
    case 'text':
      return (element) => {
        const stored = element[attribute.name];
        const op = filter.op as TextOp;
        return typeof stored === 'string' && compareText(stored, op, operand.text, attribute.caseExact);
      };
  }
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}
