/** The part of a person's plan that changes attributes of an account that they have. */

import type { AttributeChange, UserChange } from '../../model/change.ts';
import type { Attributes } from '../../model/desired.ts';
import type { AccountLink, Drafting } from '../drafting.ts';
import { attributeChanges, notAcceptedReason, splitIdentity } from './attributes.ts';
import { heldForIdentity } from './doubts.ts';

/** `waits`: the whole update waits with the enabling that comes before it. */
export function update(
  plan: Drafting,
  remoteId: string,
  applied: Attributes,
  observed: Attributes,
  waits: Waits = {},
) {
  const { desired, settings, temporary } = plan.situation;
  const wanted = attributeChanges(desired.attributes, applied, observed);
  const mine = withoutForeign(plan, wanted, applied, observed);
  const attributes = withoutProtected(plan, withoutTaken(plan, mine));
  const isDue = ({ name }: AttributeChange) => settings.updateUsers || temporary.has(name);
  const due = attributes.filter(isDue);
  addUpdates(plan, remoteId, due, { applied, observed, waits });
  const names = attributes.filter((attribute) => !isDue(attribute)).map(({ name }) => name);
  if (names.length > 0)
    plan.skip('update', 'partiallySynced', `${names.join(', ')} differ, and UPDATE_USERS is off`);
}

/** A value that the vendor did not accept is not sent again until another one is wanted; the status names it. */
export function sayNotAccepted(plan: Drafting, { applied, notAccepted }: AccountLink) {
  const { desired, storeName } = plan.situation;
  for (const [name, { wanted, reason }] of Object.entries(notAccepted)) {
    if (desired.attributes[name] === wanted && applied[name] === wanted)
      plan.skip('update', 'partiallySynced', notAcceptedReason(name, storeName, reason));
  }
}

/**
 * Leaves out identity values that somebody else wrote: they sign a person in, perhaps another one. They stay, and the
 * status names them.
 */
function withoutForeign(
  plan: Drafting,
  attributes: readonly AttributeChange[],
  applied: Attributes,
  observed: Attributes,
): readonly AttributeChange[] {
  const { foreignKept, settings, temporary } = plan.situation;
  if (settings.overwriteIdentity) return attributes;
  const isKept = ({ name }: AttributeChange) =>
    foreignKept.includes(name) && !temporary.has(name) && isForeign(applied[name], observed[name]);
  const kept = attributes.filter(isKept);
  for (const { name, to } of kept) {
    const why = `keeps the ${name} "${observed[name]}" instead of "${to}": the bridge did not write it, and OVERWRITE_IDENTITY is off`;
    plan.skip('update', 'partiallySynced', why);
  }
  return attributes.filter((attribute) => !kept.includes(attribute));
}

/** The account has a value that is not the one the bridge last wrote. */
function isForeign(applied: string | undefined, observed: string | undefined): boolean {
  return (observed ?? '') !== '' && applied?.toLowerCase() !== observed?.toLowerCase();
}

/** Leaves out values that are protected names. */
function withoutProtected(
  plan: Drafting,
  attributes: readonly AttributeChange[],
): readonly AttributeChange[] {
  const { namesProtected } = plan.situation;
  const named = attributes.filter(({ name }) => namesProtected.includes(name)).map(({ name }) => name);
  if (named.length === 0) return attributes;
  const why = `keeps ${named.join(', ')}: PROTECTED_ACCOUNTS names what the directory wants, or the bridge's own account has it`;
  plan.skip('update', 'partiallySynced', why);
  return attributes.filter(({ name }) => !named.includes(name));
}

type Waits = Pick<UserChange, 'hold'>;

interface Known {
  readonly applied: Attributes;
  readonly observed: Attributes;
  readonly waits?: Waits;
}

/** A temporary value ends under the same approval under which it came. */
function addUpdates(
  plan: Drafting,
  remoteId: string,
  attributes: readonly AttributeChange[],
  { applied, observed, waits = {} }: Known,
) {
  const { identityAttributes, temporary, shown } = plan.situation;
  const identity = identityAttributes.filter((name) => !temporary.has(name));
  const { harmless, replacing } = splitIdentity(attributes, identity, {
    ...{ applied, observed, shown },
    privileged: plan.isPrivileged,
  });
  const base = { op: 'update', subject: plan.subject, remoteId } as const;
  if (harmless.length > 0) plan.add({ ...base, attributes: harmless, ...waits });
  if (replacing.length === 0) return;
  const reason = `${plan.subject.display} has a privileged account there, and its ${replacing.map(({ name }) => name).join(', ')} would change`;
  const hold = plan.isPrivileged
    ? { hold: { kind: 'privileged', reason } as const }
    : { ...heldForIdentity(plan.situation, replacing), ...waits };
  plan.add({ ...base, attributes: replacing, replacesIdentity: true, ...hold });
}

/**
 * Leaves out values that another account has; the status names them. A temporary value does not wait for that: the
 * former one comes back.
 */
function withoutTaken(plan: Drafting, attributes: readonly AttributeChange[]): readonly AttributeChange[] {
  const { takenKeys, temporary } = plan.situation;
  for (const { name } of attributes) {
    const why = takenKeys.get(name);
    if (why !== undefined) plan.skip('update', 'partiallySynced', why);
  }
  return attributes.flatMap((attribute) => {
    if (!takenKeys.has(attribute.name)) return [attribute];
    const former = temporary.get(attribute.name) ?? null;
    return former === null ? [] : [{ ...attribute, to: former }];
  });
}

/** Ends a temporary value, whatever happened to the person meanwhile. */
export function endTemporary(plan: Drafting, link: AccountLink) {
  const { desired, temporary } = plan.situation;
  if (plan.deletes) return;
  const wanted = Object.fromEntries(
    Object.entries(desired.attributes).filter(([name]) => temporary.has(name)),
  );
  const attributes = withoutTaken(plan, attributeChanges(wanted, link.applied, link.observed));
  if (attributes.length > 0)
    plan.add({ op: 'update', subject: plan.subject, remoteId: link.remoteId, attributes });
}
