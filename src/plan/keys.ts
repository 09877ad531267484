/**
 * The order among subjects of one store that want each other's keys: values that no two accounts or groups share,
 * such as an address. A subject that wants a key another is about to give up waits for it. Where subjects wait in a
 * circle, one steps aside and takes a temporary value. Pure: the caller knows who has which key and who waits for
 * whom.
 */

import type { Change } from '../model/change.ts';

export interface WantedKey {
  readonly attribute: string;
  readonly value: string;
}

/** The one key of a group. */
export const GROUP_KEY = 'name';

/** The keys that the changes would give their subject. `identity`: the attributes of accounts that are keys. */
export function keysWanted(changes: readonly Change[], identity: readonly string[]): readonly WantedKey[] {
  const isKey = ({ attribute, value }: WantedKey) => value !== '' && identity.includes(attribute);
  return changes.flatMap((change) => {
    if (change.op === 'create' && change.subject.kind === 'group')
      return [{ attribute: GROUP_KEY, value: change.identifier }];
    if (change.op === 'create')
      return Object.entries(change.attributes)
        .map(([attribute, value]) => ({ attribute, value }))
        .filter(isKey);
    if (change.op !== 'update') return [];
    const given = change.attributes.map(({ name, to }) => ({ attribute: name, value: to }));
    return change.subject.kind === 'group' ? given : given.filter(isKey);
  });
}

/**
 * Leaves out changes that would give one of these keys. An update goes without that attribute, unless `isWhole` says
 * that it goes as a whole or not at all.
 */
export function withhold<C extends Change>(
  changes: readonly C[],
  attributes: ReadonlySet<string>,
  isWhole: (change: C) => boolean,
): readonly C[] {
  return changes.flatMap((change): C[] => {
    if (!keysWanted([change], [...attributes]).some(({ attribute }) => attributes.has(attribute)))
      return [change];
    if (change.op !== 'update' || isWhole(change)) return [];
    const left = change.attributes.filter(({ name }) => !attributes.has(name));
    return left.length === 0 ? [] : [{ ...change, attributes: left }];
  });
}

/** `take`: send the change. `stepAside`: take a temporary value, so that another subject can have the present one. */
export type KeyStep = 'take' | 'wait' | 'stepAside';

export interface KeyConflict {
  readonly subjectId: string;
  /** Which other subject of the store has the key. */
  readonly holder: {
    readonly subjectId: string;
    /** The bridge is about to give the holder another key. */
    readonly givesUp: boolean;
  } | null;
  /** Who waits for whom because of this attribute, this subject included. */
  readonly waitsFor: ReadonlyMap<string, string>;
}

export function keyStep({ subjectId, holder, waitsFor }: KeyConflict): KeyStep {
  if (!holder?.givesUp) return 'take';
  return circleOf(subjectId, holder.subjectId, waitsFor).length > 0 ? 'stepAside' : 'wait';
}

/**
 * The subjects that wait in a circle with this one, which wants the key of `holderId`; empty where there is no
 * circle.
 */
export function circleOf(
  subjectId: string,
  holderId: string,
  waitsFor: ReadonlyMap<string, string>,
): readonly string[] {
  const circle = [subjectId];
  const seen = new Set(circle);
  for (let next: string | undefined = holderId; next !== undefined; next = waitsFor.get(next)) {
    if (next === subjectId) return circle;
    if (seen.has(next)) return [];
    seen.add(next);
    circle.push(next);
  }
  return [];
}

/**
 * A temporary value in the form of the wanted one that nobody else has: an address keeps its domain and mailbox, a
 * path its parents. The same subject and value give the same result, so that a repeated attempt repeats it.
 */
export function temporaryValue(wanted: string, subjectId: string): string {
  const mark = `moving-${subjectId
    .replace(/[^a-z0-9]/gi, '')
    .slice(-MARK_LENGTH)
    .toLowerCase()}`;
  const at = wanted.lastIndexOf('@');
  if (at > 0) return `${wanted.slice(0, at)}+${mark}${wanted.slice(at)}`;
  // The mark comes first, because vendors cut long names.
  const last = wanted.lastIndexOf('/') + 1;
  return `${wanted.slice(0, last)}${mark}-${wanted.slice(last)}`;
}

const MARK_LENGTH = 6;
