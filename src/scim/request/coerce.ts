/**
 * Turns bodies of POST and PUT into resources as the directory stores them: canonical attribute names, the variations
 * of identity providers straightened out, server-set attributes left out. Unknown attributes are reported and never
 * stored.
 *
 * A body is read as PATCH reads an operation without a path, so that every form is understood in both places.
 * scimmy's own coercion takes most of a POST's time, enforces canonicalValues, and refuses forms that Entra ID sends.
 */

import type { Resource } from '../../model/resource.ts';
import { ScimError } from '../answer/errors.ts';
import { readAttributes } from '../patch/apply.ts';
import { idsOf } from '../patch/group.ts';

export interface CoercedUser {
  readonly resource: Resource;
  /** Unknown names, as written. */
  readonly unknown: readonly string[];
}

export interface CoercedGroup extends CoercedUser {
  /** Users' ids; null where the body says nothing about members. */
  readonly memberIds: readonly string[] | null;
}

/** Throws ScimError or PatchError invalidValue that names the attribute. */
export function coerceUser(body: Readonly<Record<string, unknown>>): CoercedUser {
  const coerced = readAttributes('user', body, () => {
    throw new Error('a user has no members');
  });
  requireText('userName', coerced.resource.userName);
  return coerced;
}

/** Throws ScimError or PatchError invalidValue that names the attribute or the member. */
export function coerceGroup(body: Readonly<Record<string, unknown>>): CoercedGroup {
  let memberIds: readonly string[] | null = null;
  const coerced = readAttributes('group', body, (_, { chain, selection, written }, value, unknown) => {
    const [list, sub] = chain;
    if (sub || selection) unknown.add(written);
    else memberIds = idsOf(list, value, unknown);
  });
  requireText('displayName', coerced.resource.displayName);
  return { ...coerced, memberIds };
}

function requireText(name: string, value: unknown): void {
  if (typeof value === 'string' && value.trim() !== '') return;
  throw new ScimError(400, 'invalidValue', `${name} is required and must not be empty.`);
}
