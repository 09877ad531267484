/** Okta's `filter`: few properties, `eq` alone but for times, `and` and `or`; whatever else is E0000031. */

import { badFilter } from './answers.ts';

type Test = (values: Readonly<Record<string, unknown>>) => boolean;

const COMPARE: Readonly<Record<string, (a: string, b: string) => boolean>> = {
  eq: (a, b) => a === b,
  gt: (a, b) => Date.parse(a) > Date.parse(b),
  ge: (a, b) => Date.parse(a) >= Date.parse(b),
  lt: (a, b) => Date.parse(a) < Date.parse(b),
  le: (a, b) => Date.parse(a) <= Date.parse(b),
};

/** `times` may be compared by order, `texts` by `eq` alone. */
export function parseFilter(text: string, texts: readonly string[], times: readonly string[]): Test {
  const tokens = text.match(/"[^"]*"|[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const next = () => tokens[at++] ?? '';
  const comparison = (): Test => {
    const property = next();
    if (property === '(') {
      const inner = either();
      if (next() !== ')') throw badFilter('A bracket is open.');
      return inner;
    }
    const operator = next();
    const value = /^"(.*)"$/.exec(next())?.[1];
    const isTime = times.includes(property);
    const compare = COMPARE[operator];
    if (value === undefined || !compare || !(isTime || (texts.includes(property) && operator === 'eq'))) {
      throw badFilter(`${property} ${operator}`);
    }
    if (isTime && Number.isNaN(Date.parse(value))) throw badFilter(value);
    return (values) => {
      const own = values[property];
      if (typeof own !== 'string') return false;
      return operator === 'eq' && isTime ? Date.parse(own) === Date.parse(value) : compare(own, value);
    };
  };
  const both = (): Test => {
    const parts = [comparison()];
    while (tokens[at] === 'and') {
      at += 1;
      parts.push(comparison());
    }
    return (values) => parts.every((test) => test(values));
  };
  const either = (): Test => {
    const parts = [both()];
    while (tokens[at] === 'or') {
      at += 1;
      parts.push(both());
    }
    return (values) => parts.some((test) => test(values));
  };
  const test = either();
  if (at < tokens.length) throw badFilter(tokens[at] ?? '');
  return test;
}
