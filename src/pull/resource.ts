/** Makes a user of the directory from what a source says of a person. Pure. */

import type { MappedTarget } from '../model/pull/pull.ts';
import type { Resource } from '../model/resource.ts';
import { ENTERPRISE_URN, isMetadata } from '../model/source.ts';
import type { SourceUser } from '../sources/source.ts';

/**
 * `managerId`: the manager's id in the directory. Null where the record has no name to sign in by: the bridge reports it
 * and makes nobody.
 */
export function resourceOf(
  user: SourceUser,
  mapping: readonly MappedTarget[],
  managerId: string | null,
): Resource | null {
  const made: Record<string, unknown> = { externalId: user.id, active: user.state === 'active' };
  for (const { target, sources } of mapping) put(made, target, firstText(user, sources));
  if (managerId !== null) putAt(made, [ENTERPRISE_URN, 'manager'], { value: managerId });
  return typeof made.userName === 'string' ? made : null;
}

/** The name to sign in by, or the address, as the mapping chooses it; null where there is none. */
export function mappedText(
  user: SourceUser,
  mapping: readonly MappedTarget[],
  wanted: 'userName' | 'primaryEmail',
): string | null {
  const texts = mapping
    .filter(({ target }) => target === wanted)
    .map(({ sources }) => firstText(user, sources));
  return texts.findLast((text) => text !== null) ?? null;
}

/** The text of the first attribute that has one, spelt as the source spells it. */
export function firstText(user: Pick<SourceUser, 'attributes'>, sources: readonly string[]): string | null {
  for (const name of sources) {
    const [first = ''] = textsOf(user, name);
    if (first.trim() !== '') return first.trim();
  }
  return null;
}

/**
 * The texts of an attribute. Admins may write its name with the object around it, as the vendor's console shows it.
 */
export function textsOf({ attributes }: Pick<SourceUser, 'attributes'>, name: string): readonly string[] {
  const value = attributes[name] ?? attributes[name.replace(/^profile\./, '')];
  return typeof value === 'string' ? [value] : (value ?? []);
}

function put(made: Record<string, unknown>, target: string, value: string | null): void {
  if (value === null) return;
  if (target === 'primaryEmail') made.emails = [{ value, primary: true, type: 'work' }];
  else if (target === 'primaryPhone') made.phoneNumbers = [{ value, primary: true, type: 'work' }];
  else if (target.startsWith('enterprise.'))
    putAt(made, [ENTERPRISE_URN, target.slice('enterprise.'.length)], value);
  else if (isMetadata(target)) putAt(made, ['metadata', target.slice('metadata.'.length)], value);
  else putAt(made, target.split('.'), value);
}

function putAt(inside: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    inside[name] = value;
    return;
  }
  const part = inside[name];
  const held = typeof part === 'object' && part !== null ? (part as Record<string, unknown>) : {};
  inside[name] = held;
  putAt(held, rest, value);
}
