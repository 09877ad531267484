/**
 * Request bodies of POST and PUT become resources as the directory keeps them: attributes in their
 * canonical case, the dialects of identity providers straightened, what only the server sets left out.
 * What no schema knows is dropped and named, never kept.
 *
 * A body is read as PATCH reads an operation without a path, so that no shape is understood in one place
 * and lost in another; scimmy's own coercion takes most of a POST's time, enforces canonicalValues, and
 * refuses shapes that Entra ID sends.
 */

import type { Resource } from '../../model/resource.ts';
import { ScimError } from '../answer/errors.ts';
import { readAttributes } from '../patch/apply.ts';
import { idsOf } from '../patch/group.ts';

export interface CoercedUser {
  readonly resource: Resource;
  /** Names that no schema knows, as they were written. */
  readonly unknown: readonly string[];
}

export interface CoercedGroup extends CoercedUser {
  /** Users' ids; null where the body says nothing about members. */
  readonly memberIds: readonly string[] | null;
}

/** Throws ScimError or PatchError invalidValue, naming the attribute. */
export function coerceUser(body: Readonly<Record<string, unknown>>): CoercedUser {
  const coerced = readAttributes('user', body, () => {
    throw new Error('a user has no members');
  });
  requireText('userName', coerced.resource.userName);
  return coerced;
}

/** Throws ScimError or PatchError invalidValue, naming the attribute or the member. */
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
