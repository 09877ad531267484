/**
 * Compares the attributes that the bridge sent with those in the vendor's answer. If the answer shows another value,
 * the vendor did not take it, whatever the status. Pure, and the same for every connector.
 */

import type { Write } from '../model/change.ts';
import type { Attributes } from '../model/desired.ts';
import { isSame, type Remote, shownInstead, titleOf } from '../model/remote.ts';
import type { Kind } from '../model/subject.ts';
import type { Applied, NotAccepted } from './connector.ts';

/** Adds the attributes that the answer contradicts to those that the vendor refused. */
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
  if (observed === undefined) return [];
  const values = shownBy(observed);
  return Object.entries({ ...sentBy(change), ...sent }).flatMap(([attribute, value]) => {
    const shown = values[attribute];
    if (shown === undefined || isSame(value, shown)) return [];
    return { attribute, reason: shownInstead(shown) };
  });
}

function shownBy(observed: Remote): Attributes {
  return observed.kind === 'user' ? observed.attributes : { name: titleOf(observed) };
}

function sentBy(change: Write): Attributes {
  switch (change.op) {
    case 'create':
      // A new account starts without values: an empty one needs no sending.
      return Object.fromEntries(Object.entries(change.attributes).filter(([, value]) => value !== ''));
    case 'update':
      return Object.fromEntries(change.attributes.map(({ name, to }) => [name, to]));
    default:
      return {};
  }
}
