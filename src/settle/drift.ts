/**
 * Differences that somebody made by hand at the store: what a complete scan saw against what the vendor
 * showed after the bridge's last write. Pure but for the types; deciding what to do is the sync's.
 */

import { isDeepStrictEqual } from 'node:util';
import { isSame, shownInstead } from '../connectors/notAccepted.ts';
import type { LinkPatch, LinkRecord, RememberedDrift } from '../db/seen/links.ts';
import type { Observation } from '../db/seen/observations.ts';
import type { NotTaken } from '../model/change.ts';
import type { Attributes, DesiredUser } from '../model/desired.ts';
import type { RemoteUser } from '../model/remote.ts';
import { lockedBy } from '../plan/drafting.ts';

export interface DriftItem {
  readonly kind:
    | 'attribute'
    | 'disabledThere'
    | 'enabledThere'
    | 'lockedThere'
    | 'vanished'
    /** Another account shows the person's identifier too. No repair undoes that. */
    | 'duplicateIdentifier'
    | 'membershipMissing'
    /** Under `Overwrite` only; elsewhere a membership that the bridge did not make is nobody's business. */
    | 'membershipForeign';
  readonly subject: { readonly kind: 'user' | 'group'; readonly id: string; readonly display: string };
  readonly remoteId: string;
  readonly attribute?: string;
  readonly expected?: string;
  readonly found?: string;
  readonly member?: { readonly id: string; readonly display: string };
}

export interface Drift {
  readonly items: readonly DriftItem[];
  /** What the link says once reality is taken for granted; null where nothing differs. */
  readonly patch: LinkPatch | null;
  /** Attribute → the value that a repair is about to overwrite. */
  readonly repaired: Attributes;
  /** Attributes that the store shows as before although they were repaired: its own form, from now on. */
  readonly kept: Attributes;
}

export const NO_DRIFT: Drift = { items: [], patch: null, repaired: {}, kept: {} };

/** `seen` undefined: the complete scan that began at `scanBegan` (an ISO time) did not see the account. */
export function userDrift(
  link: LinkRecord,
  desired: DesiredUser,
  seen: Observation<'user'> | undefined,
  scanBegan: string,
): Drift {
  if (link.state === 'removed') return NO_DRIFT;
  const subject = { kind: 'user', id: desired.id, display: desired.display } as const;
  const base = { subject, remoteId: link.remoteId };
  if (!seen) {
    // An account that the bridge made or touched since may lie on a page that had been read already.
    if (link.updatedAt >= scanBegan) return NO_DRIFT;
    const missed = desired.lifecycle === 'active';
    const patch = { state: 'removed', disabledBy: null, removalSince: null } as const;
    return { ...NO_DRIFT, items: missed ? [{ ...base, kind: 'vanished' }] : [], patch };
  }
  // What the bridge wrote after the scan had asked is newer than what the scan saw.
  if (seen.seenAt <= link.updatedAt) return NO_DRIFT;
  const account = seen.remote;
  const state = stateDrift(link, desired, account);
  const { changed, kept } = changedAttributes(link, desired, account);
  const items: DriftItem[] = [
    ...(state.kind ? [{ ...base, kind: state.kind }] : []),
    ...Object.entries(changed).map(([attribute, found]) => ({
      ...base,
      kind: 'attribute' as const,
      attribute,
      expected: desired.attributes[attribute] ?? '',
      found,
    })),
  ];
  const privileged = account.privileged === true;
  const patch: LinkPatch = {
    ...state.patch,
    ...attributesPatch(link, changed, { ...kept, ...shown(link, account) }),
    ...acceptance(link, account),
    ...(privileged === link.privileged ? {} : { privileged }),
  };
  return { items, patch: Object.keys(patch).length > 0 ? patch : null, repaired: changed, kept };
}

/** What the vendor shows for the first time of what the bridge sent: its answer to the write did not. */
function shown(link: LinkRecord, account: RemoteUser): Attributes {
  const news = Object.entries(account.attributes).filter(
    ([name]) => link.applied[name] !== undefined && link.observed[name] === undefined,
  );
  return Object.fromEntries(news);
}

/** The first read after a write says whether the vendor took it; a later one may say that it took it late. */
function acceptance(link: LinkRecord, account: RemoteUser): LinkPatch {
  const notAccepted: Record<string, NotTaken> = { ...link.notAccepted };
  for (const [name, found] of Object.entries(account.attributes)) {
    const wanted = link.applied[name];
    if (wanted === undefined) continue;
    if (isSame(wanted, found)) delete notAccepted[name];
    else if (link.observed[name] === undefined) notAccepted[name] = { wanted, reason: shownInstead(found) };
  }
  return isDeepStrictEqual(notAccepted, link.notAccepted) ? {} : { notAccepted };
}

function attributesPatch(link: LinkRecord, changed: Attributes, kept: Attributes): LinkPatch {
  if (Object.keys(changed).length + Object.keys(kept).length === 0) return {};
  return {
    applied: { ...link.applied, ...changed },
    observed: { ...link.observed, ...changed, ...kept },
  };
}

function stateDrift(
  link: LinkRecord,
  desired: DesiredUser,
  account: RemoteUser,
): { readonly kind?: DriftItem['kind']; readonly patch?: LinkPatch } {
  const enabledThere = account.state === 'enabled';
  if (link.state === 'enabled' && account.state === 'locked') {
    return { kind: 'lockedThere', patch: { state: 'disabled', disabledBy: lockedBy(account) } };
  }
  if (link.state === 'enabled' && account.state === 'disabled') {
    const why = desired.lifecycle === 'gone' ? 'gone' : 'inactive';
    const patch = { state: 'disabled', disabledBy: why } as const;
    return desired.lifecycle === 'active' ? { kind: 'disabledThere', patch } : { patch };
  }
  if (link.disabledBy === 'unapproved' && account.state === 'disabled') {
    const why = desired.lifecycle === 'active' ? 'hand' : desired.lifecycle;
    return { patch: { disabledBy: why } };
  }
  if (link.disabledBy === 'hand' && account.state === 'disabled' && desired.lifecycle === 'active') {
    // Found so by a task, which may not undo it; a repair may.
    return { kind: 'disabledThere', patch: { disabledBy: 'inactive' } };
  }
  if (link.state === 'disabled' && enabledThere) {
    // What the bridge removes after some days, it disables again first, and counts anew.
    const patch = { state: 'enabled', disabledBy: null, removalSince: null } as const;
    return desired.lifecycle === 'active' ? { patch } : { kind: 'enabledThere', patch };
  }
  return {};
}

/**
 * A value that the vendor never took as sent (a locked name, a normalised one) is no drift: neither what
 * it showed after the last write, nor what it shows again right after a repair.
 */
function changedAttributes(
  link: LinkRecord,
  desired: DesiredUser,
  account: RemoteUser,
): { readonly changed: Attributes; readonly kept: Attributes } {
  if (desired.lifecycle !== 'active' || account.state !== 'enabled') return { changed: {}, kept: {} };
  const differing = Object.entries(account.attributes).filter(
    ([name, found]) =>
      desired.attributes[name] !== undefined &&
      link.observed[name] !== undefined &&
      found !== link.observed[name] &&
      found !== desired.attributes[name],
  );
  const isKept = ([name, found]: [string, string]) => link.drift?.repaired[name] === found;
  return {
    changed: Object.fromEntries(differing.filter((entry) => !isKept(entry))),
    kept: Object.fromEntries(differing.filter(isKept)),
  };
}

/** What is remembered of a scan; null where there is nothing to remember. */
export function remembered(items: readonly DriftItem[], repaired: Attributes): RememberedDrift | null {
  if (items.length === 0 && Object.keys(repaired).length === 0) return null;
  return { items: items.slice(0, REMEMBERED_MAX), repaired };
}

const REMEMBERED_MAX = 100;

/** Drift that still stands after the bridge has written these attributes, or, with null, the state. */
export function afterWrite(
  drift: RememberedDrift,
  written: readonly string[] | null,
): RememberedDrift | null {
  const items = (drift.items as readonly DriftItem[]).filter((item) =>
    written === null
      ? item.kind === 'duplicateIdentifier'
      : item.kind !== 'attribute' || !written.includes(item.attribute ?? ''),
  );
  return remembered(items, drift.repaired);
}

/** Drift that still stands after these memberships were granted or revoked. */
export function afterMemberships(
  drift: RememberedDrift,
  remoteIds: ReadonlySet<string>,
): RememberedDrift | null {
  const items = drift.items as readonly DriftItem[];
  return remembered(
    items.filter((item) => item.member === undefined || !remoteIds.has(item.member.id)),
    drift.repaired,
  );
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
    case 'membershipForeign':
      return `${item.member?.display} was added`;
  }
}
