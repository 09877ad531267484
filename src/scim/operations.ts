/** The envelope of a PATCH (RFC 7644 §3.5.2); what the operations do is `patch/`'s matter. */

import { ScimError } from './answer/errors.ts';
import { field } from './patch/operation.ts';
import type { Call } from './request/call.ts';

/** Operations of one PATCH request. */
const OPERATIONS_MAX = 10_000;

/** An empty list is no error: Entra ID sends it. Throws ScimError 400 invalidSyntax. */
export function patchOperations(body: Readonly<Record<string, unknown>>): readonly unknown[] {
  const operations = field(body, 'Operations');
  if (!Array.isArray(operations)) {
    throw new ScimError(400, 'invalidSyntax', 'A PATCH needs Operations, a list of operations.');
  }
  if (operations.length > OPERATIONS_MAX) {
    throw new ScimError(413, null, `A PATCH may hold ${OPERATIONS_MAX} operations, not more.`);
  }
  return operations;
}

export function patchOptions(call: Call) {
  return { unknownAttributes: call.principal.connection.unknownAttributes };
}
