/** A preview lists exactly what the next repairing sync does, changes by hand included. */

import type { Account } from '../vendors/vendor.ts';
import { changeKey, type HeldItem, keysOfHeld, type ShownChange } from './changeKeys.ts';
import type { Deed, Records } from './records.ts';

export interface Previewed {
  /** Before somebody changed something by hand. */
  readonly accountsBefore: ReadonlyMap<string, Account>;
  readonly heldBefore: readonly HeldItem[];
  readonly changes: readonly ShownChange[];
  /** What the sync wrote. */
  readonly deeds: readonly Deed[];
  /** What the brake holds after it. */
  readonly held: readonly HeldItem[];
}

export function judgePreviewed(
  records: Records,
  { accountsBefore, heldBefore, changes: shown, deeds, held }: Previewed,
): readonly string[] {
  const listed = new Set(shown.map(keyOf));
  const { accounts } = records.vendor.holds;
  const changes = shown.filter((change) => !isRefused(records, accounts, change));
  const isHeld = new Set(held.flatMap(keysOfHeld));
  const written = deeds.map((deed) => ({ deed, keys: keysOfDeed(records, deed) }));
  const done = new Set(written.flatMap(({ keys }) => keys));
  const complaints: string[] = [];
  for (const { deed, keys } of written) {
    if (!keys.some((key) => listed.has(key)))
      complaints.push(`the sync wrote what no preview showed: ${JSON.stringify(deed.write)}`);
  }
  for (const change of changes) {
    const key = keyOf(change);
    // An adoption alone writes nothing at the vendor.
    if (change.op === 'adopt' || done.has(key) || isHeld.has(key)) continue;
    if (change.op === 'grant' && isMember(records, change)) continue;
    complaints.push(`the sync left undone what the preview showed: ${JSON.stringify(change)}`);
  }
  // A loss that the vendor refused before, or the brake held, was due before: nobody's change by hand caused it.
  const wasHeld = new Set(heldBefore.flatMap(keysOfHeld));
  const wasOwed = (change: ShownChange) =>
    wasHeld.has(keyOf(change)) ||
    isRefused(records, accountsBefore, change) ||
    isOfLocked(records, accountsBefore, change);
  for (const change of changes)
    if (!change.drift && !wasOwed(change))
      complaints.push(`what was changed by hand is not marked: ${JSON.stringify(change)}`);
  return complaints;
}

/** No group takes a banned account, whatever happens to the account. */
function isOfLocked(
  records: Records,
  accounts: ReadonlyMap<string, Account>,
  { op, member }: ShownChange,
): boolean {
  return (
    op === 'grant' && accountIds(records, member?.id ?? '').some((id) => accounts.get(id)?.state === 'locked')
  );
}

/**
 * Changes that are due, tried by each sync, and refused: an only owner is not deleted, an account that waits for
 * approval not blocked, the primary owner not disabled, and a guest gets into no group.
 */
function isRefused(
  records: Records,
  accounts: ReadonlyMap<string, Account>,
  { op, remoteId, member }: ShownChange,
): boolean {
  const of = (id: string) => accounts.get(id);
  if (op === 'grant')
    return accountIds(records, member?.id ?? '').some((id) => of(id)?.oddities.has('guest'));
  const account = of(remoteId ?? '');
  if (op === 'delete') return account?.oddities.has('onlyOwner') ?? false;
  return op === 'disable' && (account?.isUntouchable || account?.oddities.has('unapproved')) === true;
}

/** The accounts of a person, or the account itself if it belongs to nobody. */
function accountIds({ model, own }: Records, id: string): readonly string[] {
  const human = model.byPerson(id);
  return human ? own.accountsOf(human) : [id];
}

function keyOf({ op, subject, member }: ShownChange): string {
  return changeKey(op, subject.id, member?.id ?? null);
}

/** The keys of a write, one for each subject that it may be about. */
function keysOfDeed(records: Records, { write, subjects }: Deed): readonly string[] {
  const { own } = records;
  return subjects.flatMap((subject) => {
    if ('personId' in subject) {
      const ops = write.kind === 'user' ? records.plannedOps(write) : [write.op];
      return ops.map((op) => changeKey(op, subject.personId ?? ''));
    }
    if (write.kind !== 'member') return [changeKey(write.op, subject.id)];
    const members = [own.ownerOf(write.accountId)?.personId ?? write.accountId, write.accountId];
    return members.map((member) => changeKey(write.op, subject.id, member));
  });
}

/** The membership was made together with its group. */
function isMember(records: Records, { subject, member }: ShownChange): boolean {
  const name = records.model.groupOf(subject.id)?.standing.now?.name ?? '';
  const members = records.vendor.groupFor(name)?.members;
  return accountIds(records, member?.id ?? '').some((id) => members?.has(id));
}
