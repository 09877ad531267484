/** Which mapped attributes of an account differ from what the directory wants. */

import type { AttributeChange } from '../model/change.ts';
import type { Attributes } from '../model/desired.ts';

/**
 * Compares with what the bridge last applied, and where it applied nothing yet (a fresh adoption, a new
 * mapping) with what was observed.
 */
export function attributeChanges(
  desired: Attributes,
  applied: Attributes,
  observed: Attributes,
): AttributeChange[] {
  const changes: AttributeChange[] = [];
  for (const name of Object.keys(desired).sort()) {
    const to = desired[name] as string;
    // What the directory does not say is cleared only where the bridge had said it before.
    if (to === '' && applied[name] === undefined) continue;
    const from = applied[name] ?? observed[name] ?? null;
    if ((from ?? '') !== to) changes.push({ name, from, to });
  }
  return changes;
}
