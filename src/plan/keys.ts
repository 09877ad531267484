/**
 * The order among subjects of one store that want each other's keys: values that no two accounts or groups share,
 * such as an address. Who wants one that another is about to give up waits; of some who wait in a circle one steps
 * aside, which is to take a temporary value. Pure: who has what, and who waits for whom, is the caller's to find.
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
 * The changes without those that would give one of these keys. An update goes without the attribute, unless
 * `isWhole` says that it stays as it is or does not go at all.
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

/** `take`: ask the vendor for it. `stepAside`: take a temporary value, so that another can have what this one has. */
export type KeyStep = 'take' | 'wait' | 'stepAside';

export interface KeyConflict {
  readonly subjectId: string;
  /** Who has the key, of the store's other subjects. */
  readonly holder: {
    readonly subjectId: string;
    /** The bridge is about to give the holder another one. */
    readonly givesUp: boolean;
  } | null;
  /** Of those who wait for this attribute, whom each waits for; the subject among them. */
  readonly waitsFor: ReadonlyMap<string, string>;
}

export function keyStep({ subjectId, holder, waitsFor }: KeyConflict): KeyStep {
  if (!holder?.givesUp) return 'take';
  return circleOf(subjectId, holder.subjectId, waitsFor).length > 0 ? 'stepAside' : 'wait';
}

/** Those who wait in a circle with the subject, who wants what `holderId` has; empty where it is no circle. */
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
 * A value in the form of the wanted one that nobody else has: an address keeps its domain and its mailbox, a path
 * its parents. The same for the same subject and value, so that an attempt that is repeated repeats it.
 */
export function temporaryValue(wanted: string, subjectId: string): string {
  const mark = `moving-${subjectId
    .replace(/[^a-z0-9]/gi, '')
    .slice(-MARK_LENGTH)
    .toLowerCase()}`;
  const at = wanted.lastIndexOf('@');
  if (at > 0) return `${wanted.slice(0, at)}+${mark}${wanted.slice(at)}`;
  // First, because vendors cut long names.
  const last = wanted.lastIndexOf('/') + 1;
  return `${wanted.slice(0, last)}${mark}-${wanted.slice(last)}`;
}

const MARK_LENGTH = 6;
