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

/** What is known of an account's attributes. */
export interface KnownAttributes {
  readonly applied: Attributes;
  readonly observed: Attributes;
  /** As the vendor showed them so long after the bridge's last write that they are not from before it. */
  readonly shown: Attributes;
  /** Whoever signs in to it can do more there than people usually can. */
  readonly privileged?: boolean;
}

/**
 * Apart: what replaces a value by which the account is found or signed in to. Filling an empty one is none, and
 * neither is a difference in case, or from the form in which the vendor keeps what the bridge sent. Of a
 * privileged account a value that fills an empty one lets somebody in who could not sign in to it before. Against what the
 * bridge wrote only what was shown since counts: an older answer would call harmless what takes that away again.
 */
export function splitIdentity(
  changes: readonly AttributeChange[],
  identity: readonly string[],
  { applied, observed, shown, privileged = false }: KnownAttributes,
): SplitChanges {
  const harmless: AttributeChange[] = [];
  const replacing: AttributeChange[] = [];
  for (const change of changes) {
    const { name, to } = change;
    const written = applied[name] ?? '';
    const seen = shown[name] ?? (written === '' ? (observed[name] ?? '') : written);
    const isOther = !isSameIdentity(seen, to) && !isSameIdentity(written, to);
    const isReplaced = isOther && (seen !== '' || privileged);
    if (!identity.includes(name) || !isReplaced) harmless.push(change);
    else replacing.push({ ...change, from: shown[name] ?? otherThan(to, observed[name]) ?? seen });
  }
  return { harmless, replacing };
}

function otherThan(to: string, observed = ''): string | undefined {
  return observed === '' || isSameIdentity(observed, to) ? undefined : observed;
}

/** Vendors tell no two accounts apart by case. */
export function isSameIdentity(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** How long a vendor may go on showing an account as it was before the bridge wrote to it. */
const SHOWN_WITHIN_MS = 60_000;

/** What was shown at `seenAt` may be from before the bridge's last write at `writtenAt`; ISO times. */
export function mayBeLate(seenAt: string, writtenAt: string): boolean {
  return Date.parse(seenAt) - Date.parse(writtenAt) < SHOWN_WITHIN_MS;
}

/** Of a person, whose name comes before it. */
export function notAcceptedReason(attribute: string, storeName: string, reason: string): string {
  return `has a ${attribute} that was not accepted by ${storeName}: ${reason}`;
}
