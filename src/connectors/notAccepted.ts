/**
 * What was sent of a person is compared with what the vendor answered: an answer that shows another value
 * says that the vendor did not take it, whatever its status. Pure, and the same for every connector.
 */

import type { Write } from '../model/change.ts';
import type { Attributes } from '../model/desired.ts';
import type { Kind } from '../model/subject.ts';
import type { Applied, NotAccepted } from './connector.ts';

/** Adds to what the vendor refused what its answer contradicts. */
export function compared<K extends Kind>(change: Write, applied: Applied<K>): Applied<K> {
  const { notAccepted: refused = [], ...rest } = applied;
  const known = new Set(refused.map(({ attribute }) => attribute));
  const notAccepted = [
    ...refused,
    ...contradicted(change, applied).filter(({ attribute }) => !known.has(attribute)),
  ];
  return notAccepted.length === 0 ? rest : { ...rest, notAccepted };
}

function contradicted(change: Write, { observed, sent }: Applied): readonly NotAccepted[] {
  if (observed?.kind !== 'user') return [];
  return Object.entries({ ...sentBy(change), ...sent }).flatMap(([attribute, value]) => {
    const shown = observed.attributes[attribute];
    if (shown === undefined || isSame(value, shown)) return [];
    return { attribute, reason: shownInstead(shown) };
  });
}

export function shownInstead(shown: string): string {
  return shown === '' ? 'it is empty there' : `it is "${shown}" there`;
}

function sentBy(change: Write): Attributes {
  switch (change.op) {
    case 'create':
      // What a new account does not have needs no sending.
      return Object.fromEntries(Object.entries(change.attributes).filter(([, value]) => value !== ''));
    case 'update':
      return Object.fromEntries(change.attributes.map(({ name, to }) => [name, to]));
    default:
      return {};
  }
}

/** Vendors write text in a form of their own: case, blanks, marks of a telephone number, escaped characters. */
export function isSame(sent: string, shown: string): boolean {
  return normal(sent) === normal(shown);
}

const ESCAPED: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };
const TELEPHONE = /^[+(]?\d[\d\s()./-]{4,}$/;

function normal(text: string): string {
  const plain = text
    .replace(/&(amp|lt|gt);/g, (escaped) => ESCAPED[escaped] ?? escaped)
    .normalize('NFKC')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase();
  return TELEPHONE.test(plain) ? plain.replace(/\D/g, '') : plain;
}
