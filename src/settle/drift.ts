/**
 * Which differences that a sync found are remembered on the link and named in the subject's status, and when that
 * ends. Pure; the plan compares.
 */

import type { LinkRecord, RememberedDrift } from '../db/seen/links.ts';
import type { Member } from '../model/change.ts';
import type { Attributes } from '../model/desired.ts';
import type { DriftItem } from '../plan/drift.ts';

/** What to remember of a scan; null where there is nothing. */
export function remembered(
  items: readonly DriftItem[],
  repaired: Attributes,
  answered: Attributes = {},
): RememberedDrift | null {
  const isAnswered = Object.keys(answered).length > 0;
  if (items.length === 0 && Object.keys(repaired).length === 0 && !isAnswered) return null;
  return { items: items.slice(0, REMEMBERED_MAX), repaired, ...(isAnswered ? { answered } : {}) };
}

const REMEMBERED_MAX = 100;

/** The drift with what the answer to a write of something else shows changed by hand. */
export function withAnswered(drift: RememberedDrift | null, answered: Attributes): RememberedDrift | null {
  if (Object.keys(answered).length === 0) return drift;
  return { items: [], repaired: {}, ...drift, answered: { ...drift?.answered, ...answered } };
}

/** The drift that is left after the bridge wrote these attributes or, with null, the state of the account. */
export function afterWrite(
  drift: RememberedDrift,
  written: readonly string[] | null,
): RememberedDrift | null {
  const items = standing(drift).filter((item) =>
    written === null
      ? item.kind === 'duplicateIdentifier'
      : item.kind !== 'attribute' || !written.includes(item.attribute ?? ''),
  );
  return remembered(items, drift.repaired, without(drift.answered, written ?? []));
}

/**
 * The drift that is left after the bridge granted or revoked these memberships. A person may have another account by
 * now than the one that lost the membership.
 */
export function afterMemberships(
  drift: RememberedDrift,
  members: readonly Pick<Member, 'remoteId' | 'personId'>[],
): RememberedDrift | null {
  const ids = new Set(members.flatMap(({ remoteId, personId }) => [remoteId, personId]));
  const isLeft = ({ member }: DriftItem) =>
    member === undefined || !(ids.has(member.id) || (member.personId && ids.has(member.personId)));
  return remembered(standing(drift).filter(isLeft), drift.repaired);
}

/** The drift that is left after the vendor has shown the account or group again, or taken a write to it. */
export function afterShown(drift: RememberedDrift): RememberedDrift | null {
  return remembered(standing(drift), drift.repaired);
}

/** The drift that is left after the vendor has taken the correction of these attributes. */
export function withoutRepaired(
  { items, repaired, answered }: RememberedDrift,
  corrected: readonly string[],
): RememberedDrift | null {
  return remembered(items as readonly DriftItem[], without(repaired, corrected), answered);
}

function without(attributes: Attributes = {}, names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}

function standing({ items }: RememberedDrift): readonly DriftItem[] {
  return (items as readonly DriftItem[]).filter(({ kind }) => kind !== 'vanished');
}

/** Whether somebody other than the bridge disabled or locked the account, as a task or a scan last saw it. */
export function wasShutThere(link: Pick<LinkRecord, 'state' | 'disabledBy' | 'drift'> | null): boolean {
  if (link?.state !== 'disabled') return false;
  const items = (link.drift?.items ?? []) as readonly DriftItem[];
  const isFoundShut = items.some(({ kind }) => kind === 'disabledThere' || kind === 'lockedThere');
  return isFoundShut || link.disabledBy === 'hand' || link.disabledBy === 'locked';
}

const NAMED_MAX = 3;

/** In words for the status; null for no items. */
export function driftReason(items: readonly DriftItem[]): string | null {
  const [first] = items;
  if (!first) return null;
  const words = items.slice(0, NAMED_MAX).map(inWords);
  const more = items.length > NAMED_MAX ? `, and ${items.length - NAMED_MAX} more` : '';
  const undone = items.every((item) => item.kind === 'duplicateIdentifier')
    ? 'correct it there'
    : 'a sync with repair undoes it';
  return `${first.subject.display} differs there by hand: ${words.join(', ')}${more}; ${undone}`;
}

function inWords(item: DriftItem): string {
  switch (item.kind) {
    case 'attribute':
      return `${item.attribute} is "${item.found}" instead of "${item.expected}"`;
    case 'disabledThere':
      return 'the account was disabled';
    case 'enabledThere':
      return 'the account was enabled';
    case 'lockedThere':
      return 'the account was banned or blocked';
    case 'vanished':
      return `the ${item.subject.kind === 'user' ? 'account' : 'group'} is not there any more`;
    case 'duplicateIdentifier':
      return `${item.found} shows the identifier ${item.expected} as well`;
    case 'membershipMissing':
      return `${item.member?.display} is no member any more`;
    case 'membershipLowered':
      return `${item.member?.display} has a lower level`;
    case 'membershipForeign':
      return `${item.member?.display} was added`;
  }
}
