/** The envelope of a PATCH (RFC 7644 §3.5.2); `patch/` carries out its operations. */

import { ScimError } from './answer/errors.ts';
import { field, isObject } from './patch/operation.ts';
import { unknownAttribute } from './patch/target.ts';
import type { Call } from './request/call.ts';
import { PATCH_OPERATIONS_MAX, PATCH_PATH_CHARACTERS_MAX } from './request/limits.ts';

/** An empty list is allowed: Entra ID sends it. Throws ScimError 400 invalidSyntax. */
export function patchOperations(body: Readonly<Record<string, unknown>>): readonly unknown[] {
  const operations = field(body, 'Operations');
  if (!Array.isArray(operations)) {
    throw new ScimError(400, 'invalidSyntax', 'A PATCH needs Operations, a list of operations.');
  }
  if (operations.length > PATCH_OPERATIONS_MAX) {
    throw new ScimError(413, null, `A PATCH may hold ${PATCH_OPERATIONS_MAX} operations, not more.`);
  }
  if (pathCharacters(operations) > PATCH_PATH_CHARACTERS_MAX) {
    const detail = `The paths of a PATCH may have ${PATCH_PATH_CHARACTERS_MAX} characters together, not more.`;
    throw new ScimError(413, null, detail);
  }
  return operations;
}

function pathCharacters(operations: readonly unknown[]): number {
  return operations.reduce((sum: number, operation) => {
    const path = isObject(operation) ? field(operation, 'path') : undefined;
    return sum + (typeof path === 'string' ? path.length : 0);
  }, 0);
}

/**
 * For POST and PUT: throws ScimError 400 where the connection rejects unknown attributes. A PUT that makes somebody
 * inactive is never refused for them: a leaver must be deactivated.
 */
export function refuseUnknown(call: Call, unknown: readonly string[]): void {
  const [first] = unknown;
  if (first === undefined || call.principal.connection.unknownAttributes === 'Ignore') return;
  throw new ScimError(400, 'invalidSyntax', unknownAttribute(first));
}

export function patchOptions(call: Call) {
  return { unknownAttributes: call.principal.connection.unknownAttributes };
}
