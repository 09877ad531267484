/** Which mapped attributes of an account differ from what the directory wants, and which of them identify it. */

import type { AttributeChange } from '../../model/change.ts';
import type { Attributes } from '../../model/desired.ts';

/**
 * Compares with what the bridge last applied. Where it has applied nothing yet (a new adoption, a new mapping), it
 * compares with what was observed.
 */
export function attributeChanges(
  desired: Attributes,
  applied: Attributes,
  observed: Attributes,
): AttributeChange[] {
  const changes: AttributeChange[] = [];
  for (const name of Object.keys(desired).sort()) {
    const to = desired[name] as string;
    // A value that the directory lacks is cleared only if the bridge had written it before.
    if (to === '' && applied[name] === undefined) continue;
    const from = applied[name] ?? observed[name] ?? null;
    if ((from ?? '') !== to) changes.push({ name, from, to });
  }
  return changes;
}

export interface SplitChanges {
  readonly harmless: readonly AttributeChange[];
  /** `from` is the value that the account has, so that it can be given back. */
  readonly replacing: readonly AttributeChange[];
}

/** What is known of an account's attributes. */
export interface KnownAttributes {
  readonly applied: Attributes;
  readonly observed: Attributes;
  /** Attributes that the vendor showed long enough after the bridge's last write to be no older picture. */
  readonly shown: Attributes;
  /** Whoever signs in to the account can do more there than people usually can. */
  readonly privileged?: boolean;
}

/**
 * Separates the changes that replace a value by which the account is found or signed in to. Filling an empty value
 * does not replace one, nor does another case, nor the vendor's own form of what the bridge sent. On a privileged
 * account, filling an empty value counts too, because it lets in somebody who could not sign in before. Against a
 * value that the bridge wrote, only what the vendor showed since counts: an older picture would make a replacement
 * look harmless.
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

/** Vendors do not tell accounts apart by case. */
export function isSameIdentity(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** How long a vendor may show an account as it was before the bridge's write. */
const SHOWN_WITHIN_MS = 60_000;

/** Whether a picture of `seenAt` may be older than the bridge's last write at `writtenAt`; ISO times. */
export function mayBeLate(seenAt: string, writtenAt: string): boolean {
  return Date.parse(seenAt) - Date.parse(writtenAt) < SHOWN_WITHIN_MS;
}

/** In words that follow the person's name. */
export function notAcceptedReason(attribute: string, storeName: string, reason: string): string {
  return `has a ${attribute} that was not accepted by ${storeName}: ${reason}`;
}
