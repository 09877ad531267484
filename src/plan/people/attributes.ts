/** Which mapped attributes of an account differ from what the directory wants, and which of them are its identity. */

import type { AttributeChange } from '../../model/change.ts';
import type { Attributes } from '../../model/desired.ts';

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

export interface SplitChanges {
  readonly harmless: readonly AttributeChange[];
  /** `from` is what the account has, so that it can be given back. */
  readonly replacing: readonly AttributeChange[];
}

/**
 * Apart: what replaces a value by which the account is found or signed in to. Filling an empty one is none, and
 * neither is a difference in case, or from the form in which the vendor keeps what the bridge sent.
 */
export function splitIdentity(
  changes: readonly AttributeChange[],
  identity: readonly string[],
  applied: Attributes,
  observed: Attributes,
): SplitChanges {
  const harmless: AttributeChange[] = [];
  const replacing: AttributeChange[] = [];
  for (const change of changes) {
    const { name, to } = change;
    const has = observed[name] ?? applied[name] ?? '';
    const isSame = [has, applied[name]].some((value) => value?.toLowerCase() === to.toLowerCase());
    if (!identity.includes(name) || has === '' || isSame) harmless.push(change);
    else replacing.push({ ...change, from: has });
  }
  return { harmless, replacing };
}

/** Of a person, whose name comes before it. */
export function notAcceptedReason(attribute: string, storeName: string, reason: string): string {
  return `has a ${attribute} that was not accepted by ${storeName}: ${reason}`;
}
