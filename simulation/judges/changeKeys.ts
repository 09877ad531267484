/** Losses and other changes as the admin API shows them, and the keys by which a decision is remembered. */

/** The key of a change of a person, a group or a membership. */
export function changeKey(op: string, subjectId: string, memberId: string | null = null): string {
  return JSON.stringify([op, subjectId, memberId]);
}

/** The key of a replaced identity attribute; `value` is the new value. */
export function identityKey(personId: string, value: string): string {
  return changeKey('update', personId, value.toLowerCase());
}

export function readKey(key: string): { readonly op: string; readonly subjectId: string } {
  const [op, subjectId] = JSON.parse(key) as [string, string, string | null];
  return { op, subjectId };
}

interface ShownAttribute {
  readonly from: string | null;
  readonly to: string;
}

/** A change as the admin API shows it. */
export interface ShownChange {
  readonly op: string;
  readonly subject: { readonly id: string };
  /** The account, or the remote group. */
  readonly remoteId?: string;
  readonly member?: { readonly id: string };
  readonly attributes?: readonly ShownAttribute[];
  /** For a preview: the change undoes what somebody did there by hand. */
  readonly drift?: boolean;
  /** For a preview: the brake holds the change, or the plan does. */
  readonly held?: boolean;
}

export function keysOf({ op, subject, member, attributes = [] }: ShownChange): readonly string[] {
  const values = op === 'update' ? attributes.map(({ to }) => identityKey(subject.id, to)) : [];
  return [changeKey(op, subject.id, member?.id ?? null), ...values];
}

/** Held losses of one subject, as the admin API shows them. */
export interface HeldItem {
  readonly id: string;
  readonly subject: { readonly id: string };
  readonly changes: readonly ShownChange[];
  readonly since: string;
}

export function keysOfHeld({ subject, changes }: HeldItem): readonly string[] {
  return changes.flatMap((change) => keysOf({ ...change, subject: change.subject ?? subject }));
}

/** One loss of a person, or of an account that belongs to nobody. */
export interface LossItem {
  readonly id: string;
  readonly personId: string;
  readonly op: string;
  /** For a membership: the SCIM group. */
  readonly groupId: string | null;
  readonly attributes: readonly ShownAttribute[];
  readonly keys: readonly string[];
  /** When it was held or taken, by a process's clock. */
  readonly at: number;
}

export function lossesOfHeld({ id, subject, changes, since }: HeldItem): readonly LossItem[] {
  return changes.map((change) => {
    const own = change.subject ?? subject;
    const groupId = change.member ? own.id : null;
    return lossItem({ id, personId: change.member?.id ?? own.id, groupId, at: since, ...shownOf(change) });
  });
}

/** A loss as an incident lists it below a person. */
export interface ListedLoss {
  readonly id: string;
  readonly store: { readonly id: string };
  readonly op: string;
  /** The SCIM group. */
  readonly member?: { readonly id: string };
  readonly attributes?: readonly ShownAttribute[];
  readonly state: string;
  readonly at: string;
}

export function lossOfListed(personId: string, listed: ListedLoss): LossItem {
  const { id, at, member } = listed;
  return lossItem({ id, personId, groupId: member?.id ?? null, at, ...shownOf(listed) });
}

function shownOf({ op, attributes = [] }: Pick<ShownChange, 'op' | 'attributes'>) {
  return { op, attributes };
}

function lossItem(shown: Omit<LossItem, 'keys' | 'at'> & { readonly at: string }): LossItem {
  const { op, personId, groupId, attributes } = shown;
  const change =
    groupId === null
      ? { op, subject: { id: personId }, attributes }
      : { op, subject: { id: groupId }, member: { id: personId } };
  // A decision that somebody keeps an account forbids every change that would end it.
  const ends = ['disable', 'delete'];
  const keys = ends.includes(op) ? ends.map((end) => changeKey(end, personId)) : keysOf(change);
  return { ...shown, keys, at: Date.parse(shown.at) };
}
