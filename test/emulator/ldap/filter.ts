/** Whether an entry passes a filter, as servers judge: attributes in any case, values by their syntax as far as needed. */

import {
  AndFilter,
  EqualityFilter,
  ExtensibleFilter,
  type Filter,
  GreaterThanEqualsFilter,
  LessThanEqualsFilter,
  NotFilter,
  OrFilter,
  PresenceFilter,
  SubstringFilter,
} from 'ldapts';
import type { Value } from './wire.ts';

/** Values of an attribute, its name in lower case. */
export type Values = (attribute: string) => readonly Value[];

const BIT_AND = '1.2.840.113556.1.4.803';

export function passes(filter: Filter, values: Values): boolean {
  if (filter instanceof AndFilter) return filter.filters.every((one) => passes(one, values));
  if (filter instanceof OrFilter) return filter.filters.some((one) => passes(one, values));
  if (filter instanceof NotFilter) return !passes(filter.filter, values);
  // ldapts misreads the name in one that it is sent; nobody asks for another than objectClass, which all have.
  if (filter instanceof PresenceFilter) return true;
  if (filter instanceof EqualityFilter) return some(filter, values, (own, asked) => own === asked);
  if (filter instanceof GreaterThanEqualsFilter)
    return some(filter, values, (own, asked) => compare(own, asked) >= 0);
  if (filter instanceof LessThanEqualsFilter)
    return some(filter, values, (own, asked) => compare(own, asked) <= 0);
  if (filter instanceof SubstringFilter) {
    const { attribute, initial, final } = filter;
    return values(attribute.toLowerCase()).some((own) => {
      const text = textOf(own);
      return text.startsWith(initial.toLowerCase()) && text.endsWith(final.toLowerCase());
    });
  }
  if (filter instanceof ExtensibleFilter && filter.rule === BIT_AND) {
    const mask = Number(filter.value);
    return values(filter.matchType.toLowerCase()).some((own) => (Number(textOf(own)) & mask) === mask);
  }
  throw new Error(`the emulator knows no filter like ${filter.toString()}`);
}

function some(
  { attribute, value }: { attribute: string; value: string | Buffer },
  values: Values,
  holds: (own: string, asked: string) => boolean,
): boolean {
  return values(attribute.toLowerCase()).some((own) => holds(textOf(own), textOf(value)));
}

/** Bytes that are no text are compared by what is left of them when they are read as one; that tells ids apart. */
function textOf(value: Value): string {
  return value.toString().toLowerCase();
}

function compare(a: string, b: string): number {
  if (/^\d+$/.test(a) && /^\d+$/.test(b)) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
  return a < b ? -1 : a > b ? 1 : 0;
}
