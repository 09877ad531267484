/** A preview is what the next sync that repairs does: no more, no less, what was changed by hand included. */

import { changeKey, type HeldItem, keysOfHeld, type ShownChange } from './changeKeys.ts';
import type { Deed, Records } from './records.ts';

export interface Previewed {
  readonly changes: readonly ShownChange[];
  /** What the sync wrote. */
  readonly deeds: readonly Deed[];
  /** What the brake holds after it. */
  readonly held: readonly HeldItem[];
}

export function judgePreviewed(
  records: Records,
  { changes: shown, deeds, held }: Previewed,
): readonly string[] {
  const listed = new Set(shown.map(keyOf));
  const changes = shown.filter((change) => !isRefused(records, change));
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
    // Nothing is written there by an adoption alone.
    if (change.op === 'adopt' || done.has(key) || isHeld.has(key)) continue;
    if (change.op === 'grant' && isMember(records, change)) continue;
    complaints.push(`the sync left undone what the preview showed: ${JSON.stringify(change)}`);
  }
  for (const change of changes)
    if (!change.drift) complaints.push(`what was changed by hand is not marked: ${JSON.stringify(change)}`);
  return complaints;
}

/** What is owed, asked for by each sync, and refused: an only owner is not deleted, who waits for approval not blocked. */
function isRefused({ model, own, vendor }: Records, { op, subject }: ShownChange): boolean {
  const human = op === 'delete' || op === 'disable' ? model.byPerson(subject.id) : undefined;
  const refused = op === 'delete' ? 'onlyOwner' : 'unapproved';
  const accounts = human ? own.accountsOf(human) : [];
  return accounts.some((id) => vendor.holds.accounts.get(id)?.oddities.has(refused));
}

function keyOf({ op, subject, member }: ShownChange): string {
  return changeKey(op, subject.id, member?.id ?? null);
}

/** By the subjects that a write may be about: one of them. */
function keysOfDeed({ own }: Records, { write, subjects }: Deed): readonly string[] {
  return subjects.flatMap((subject) => {
    if ('personId' in subject) return [changeKey(write.op, subject.personId ?? '')];
    if (write.kind !== 'member') return [changeKey(write.op, subject.id)];
    const members = [own.ownerOf(write.accountId)?.personId ?? write.accountId, write.accountId];
    return members.map((member) => changeKey(write.op, subject.id, member));
  });
}

/** Made together with its group. */
function isMember({ model, own, vendor }: Records, { subject, member }: ShownChange): boolean {
  const name = model.groupOf(subject.id)?.standing.now?.name ?? '';
  const human = model.byPerson(member?.id ?? null);
  const accounts = human ? own.accountsOf(human) : [member?.id ?? ''];
  return accounts.some((id) => vendor.groupFor(name)?.members.has(id));
}
