/** Makes a user of the directory of what a source says of somebody. Pure. */

import type { MappedTarget } from '../model/pull/pull.ts';
import type { Resource } from '../model/resource.ts';
import { ENTERPRISE_URN } from '../model/source.ts';
import type { SourceUser } from '../sources/source.ts';

/** Who leads whom; the id is the manager's in the directory. */
export interface Lead {
  readonly id: string;
  readonly displayName?: string;
}

/** Null where there is no name to sign in by: such a record is reported, and nobody is made of it. */
export function resourceOf(
  user: SourceUser,
  mapping: readonly MappedTarget[],
  manager: Lead | null,
): Resource | null {
  const made: Record<string, unknown> = { externalId: user.id, active: user.state === 'active' };
  for (const { target, sources } of mapping) put(made, target, firstText(user, sources));
  if (manager) {
    const { id: value, displayName } = manager;
    putAt(made, [ENTERPRISE_URN, 'manager'], { value, ...(displayName ? { displayName } : {}) });
  }
  return typeof made.userName === 'string' ? made : null;
}

/** The name to sign in by, or the address, as the mapping has it; null where there is none. */
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

/** The first source that has a text, as the source spells it. */
export function firstText(user: Pick<SourceUser, 'attributes'>, sources: readonly string[]): string | null {
  for (const name of sources) {
    const [first = ''] = textsOf(user, name);
    if (first.trim() !== '') return first.trim();
  }
  return null;
}

/** Consoles show attributes with the name of the object that holds them. */
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
