/** PATCH of a user (RFC 7644 §3.5.2). */

import type { Resource } from '../../model/resource.ts';
import { applyOperations, type Patched, type PatchOptions } from './apply.ts';

/**
 * Pure: answers the changed resource. It never holds `id`, `meta` or `groups`. Throws PatchError, and then nothing
 * was changed.
 */
export function patchUser(
  resource: Resource,
  operations: readonly unknown[],
  options: PatchOptions,
): Patched {
  return applyOperations('user', resource, operations, options, () => {
    throw new Error('a user has no members');
  });
}
