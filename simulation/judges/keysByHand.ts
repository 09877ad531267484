/**
 * What must be so of keys and levels that people changed by hand when everything was as the directory wants it: a sync
 * that reports tells each and touches none; one that repairs puts right what the settings leave to the bridge, and
 * nothing else.
 */

import type { Attribute, Holdings } from '../vendors/vendor.ts';
import { changeKey, type ShownChange } from './changeKeys.ts';
import type { Records } from './records.ts';

export type EditedKey = Extract<Attribute, 'email' | 'userName'> | 'name' | 'level';

export interface KeyEdit {
  readonly what: EditedKey;
  /** The account, or the remote group. */
  readonly remoteId: string;
  /** For a level: the account. */
  readonly member?: string;
  /** The person or the SCIM group. */
  readonly subjectId: string;
  readonly memberId?: string;
  readonly from: string;
  readonly to: string;
  /** The bridge calls it drift. */
  readonly isDrift: boolean;
  /** The settings let the bridge put it right. */
  readonly isRepaired: boolean;
}

/** What a sync found, as the admin API shows it. */
interface ShownDrift {
  readonly kind: string;
  readonly remoteId: string;
  readonly expected?: string;
  readonly found?: string;
  readonly member?: { readonly id: string };
}

/** After a sync that only reports. */
export function judgeReported(
  { vendor }: Records,
  edits: readonly KeyEdit[],
  drift: readonly ShownDrift[],
): readonly string[] {
  return edits.flatMap((edit) => {
    const complaints: string[] = [];
    const found = valueAt(vendor.holds, edit);
    if (found !== edit.to) complaints.push(`${say(edit)} is ${found} after a sync that only reports`);
    if (edit.isDrift !== drift.some((item) => tells(item, edit)))
      complaints.push(`${say(edit)} is ${edit.isDrift ? 'not reported' : 'reported as drift'}`);
    return complaints;
  });
}

function tells({ kind, remoteId, expected, found, member }: ShownDrift, edit: KeyEdit): boolean {
  if (remoteId !== edit.remoteId) return false;
  if (edit.what === 'level') return kind === 'membershipLowered' && member?.id === edit.member;
  return kind === 'attribute' && expected?.toLowerCase() === edit.from.toLowerCase() && found === edit.to;
}

/** A preview shows each repair, and says that it is one. */
export function judgeShown(edits: readonly KeyEdit[], changes: readonly ShownChange[]): readonly string[] {
  return edits.flatMap((edit) => {
    const op = edit.what === 'level' ? 'grant' : 'update';
    const key = changeKey(op, edit.subjectId, edit.memberId ?? null);
    const shown = changes.filter(
      (change) => changeKey(change.op, change.subject.id, change.member?.id ?? null) === key,
    );
    if (shown.some(({ drift }) => drift) === edit.isRepaired) return [];
    return [`${say(edit)} is ${edit.isRepaired ? 'no drift' : 'drift'} in the preview`];
  });
}

/** After everything was repaired and approved. */
export function judgeRepaired(
  { vendor }: Records,
  before: Holdings,
  edits: readonly KeyEdit[],
): readonly string[] {
  const { holds } = vendor;
  const wrong = edits.flatMap((edit) => {
    const found = valueAt(holds, edit);
    const wanted = edit.isRepaired ? edit.from : edit.to;
    return found === wanted ? [] : [`${say(edit)} is ${found}, and should be ${wanted}`];
  });
  if (wrong.length > 0) return wrong;
  const was = new Map(edits.map((edit) => [placeOf(edit), edit.isRepaired ? edit.from : edit.to]));
  const expected = [...linesOf(before)].map(([place, value]) => [place, was.get(place) ?? value] as const);
  return differences(new Map(expected), linesOf(holds));
}

function differences(
  expected: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): readonly string[] {
  const places = new Set([...expected.keys(), ...found.keys()]);
  return [...places]
    .filter((place) => expected.get(place) !== found.get(place))
    .map(
      (place) => `${place} was ${expected.get(place)}, nobody changed it by hand, and is ${found.get(place)}`,
    );
}

/** Everything that a vendor holds, by place. */
function linesOf({ accounts, groups }: Holdings): ReadonlyMap<string, string> {
  const lines = new Map<string, string>();
  for (const { id, state, attributes } of accounts.values()) {
    lines.set(`state of ${id}`, state);
    for (const [name, value] of Object.entries(attributes)) lines.set(`${name} of ${id}`, value);
  }
  for (const { id, name, members } of groups.values()) {
    lines.set(`name of ${id}`, name);
    for (const [member, level] of members) lines.set(`level of ${member} in ${id}`, String(level));
  }
  return lines;
}

function placeOf({ what, remoteId, member }: KeyEdit): string {
  return member === undefined ? `${what} of ${remoteId}` : `${what} of ${member} in ${remoteId}`;
}

function valueAt(holds: Holdings, edit: KeyEdit): string | undefined {
  return linesOf(holds).get(placeOf(edit));
}

function say(edit: KeyEdit): string {
  return `${placeOf(edit)}, changed by hand from ${edit.from} to ${edit.to},`;
}
