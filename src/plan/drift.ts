/**
 * What a sync compares: how a complete scan saw an account, or the members of a group, against what the vendor showed
 * after the bridge's last write. What differs was done by hand; whether it is repaired is not decided here.
 */

import type { MembershipChange, NotTaken } from '../model/change.ts';
import type { Attributes, DesiredUser } from '../model/desired.ts';
import { isSame, type RemoteUser, shownInstead } from '../model/remote.ts';
import type { NamedSubject } from '../model/subject.ts';
import { type AccountLink, lockedBy, type UserSituation } from './drafting.ts';
import { mayBeLate } from './people/attributes.ts';

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
    /** It has a lower level than the bridge left it with. */
    | 'membershipLowered'
    /** Under `Overwrite` only; elsewhere a membership that the bridge did not make is nobody's business. */
    | 'membershipForeign';
  readonly subject: NamedSubject;
  readonly remoteId: string;
  readonly attribute?: string;
  readonly expected?: string;
  readonly found?: string;
  readonly member?: { readonly id: string; readonly display: string };
}

/** `P`: what changes of the link. */
export interface Drift<P = AccountPatch> {
  readonly items: readonly DriftItem[];
  /** What the link says once reality is taken for granted; null where nothing differs. */
  readonly patch: P | null;
  /** Attribute → the value that a repair is about to overwrite. */
  readonly repaired: Attributes;
  /** Attributes that the store shows as before although they were repaired: its own form, from now on. */
  readonly kept: Attributes;
}

/** A link as far as a sync compares it. */
export interface ComparedLink extends AccountLink {
  /** When the bridge last wrote to the account, or took note of it (ISO time). */
  readonly updatedAt: string;
  readonly drift: { readonly repaired: Attributes } | null;
}

export type AccountPatch = Partial<Omit<AccountLink, 'remoteId'>> & { readonly removalSince?: null };

type Wanted = Pick<UserSituation, 'desired' | 'identityAttributes' | 'foreignKept'>;

/** How a scan saw an account, and when (ISO time). */
export interface SeenAccount {
  readonly remote: RemoteUser;
  readonly seenAt: string;
}

export const NO_DRIFT: Drift<never> = { items: [], patch: null, repaired: {}, kept: {} };

/**
 * `seen` undefined: the complete scan that began at `scanBegan` (an ISO time) did not see the account. `foreignKept`:
 * attributes of which it counts who wrote the value.
 */
export function userDrift(
  link: ComparedLink,
  desired: DesiredUser,
  seen: SeenAccount | undefined,
  scanBegan: string,
  foreignKept: readonly string[] = [],
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
  const state = stateDrift(link, desired, seen);
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
  const patch: AccountPatch = {
    ...state.patch,
    ...attributesPatch(link, changed, { ...kept, ...shown(link, account) }, foreignKept),
    ...acceptance(link, account),
    ...(privileged === link.privileged ? {} : { privileged }),
  };
  return { items, patch: Object.keys(patch).length > 0 ? patch : null, repaired: changed, kept };
}

/**
 * What the vendor showed of an account, after a write of some attributes. What its answer shows of others that the
 * directory wants, somebody may have changed by hand: the next sync is to find that. What the account is signed in to
 * by is as the vendor shows it last: who else wrote it counts at once.
 */
export function observedAfter(
  before: Attributes,
  written: Attributes,
  shown: Attributes,
  { desired, identityAttributes, foreignKept }: Wanted,
): Attributes {
  const isNews = (name: string) =>
    !(name in desired.attributes) || identityAttributes.includes(name) || foreignKept.includes(name);
  const unwritten = Object.entries(before).filter(([name]) => !(name in written));
  const known = unwritten.filter(([name]) => !isNews(name));
  return { ...Object.fromEntries(unwritten), ...shown, ...Object.fromEntries(known) };
}

/** What the vendor shows for the first time of what the bridge sent: its answer to the write did not. */
function shown(link: ComparedLink, account: RemoteUser): Attributes {
  const news = Object.entries(account.attributes).filter(
    ([name]) => link.applied[name] !== undefined && link.observed[name] === undefined,
  );
  return Object.fromEntries(news);
}

/** The first read after a write says whether the vendor took it; a later one may say that it took it late. */
function acceptance(link: ComparedLink, account: RemoteUser): AccountPatch {
  const shown = Object.entries(account.attributes);
  const isTaken = (name: string, found: string) => isSame(link.applied[name] ?? '', found);
  const late = shown.filter(([name, found]) => name in link.notAccepted && isTaken(name, found));
  const refused = shown.filter(
    ([name, found]) => name in link.applied && link.observed[name] === undefined && !isTaken(name, found),
  );
  if (late.length + refused.length === 0) return {};
  const notAccepted: Record<string, NotTaken> = { ...link.notAccepted };
  for (const [name] of late) delete notAccepted[name];
  for (const [name, found] of refused)
    notAccepted[name] = { wanted: link.applied[name] ?? '', reason: shownInstead(found) };
  return { notAccepted };
}

function attributesPatch(
  link: ComparedLink,
  changed: Attributes,
  kept: Attributes,
  foreignKept: readonly string[],
): AccountPatch {
  if (Object.keys(changed).length + Object.keys(kept).length === 0) return {};
  const applied = Object.entries({ ...link.applied, ...changed });
  return {
    // What somebody else wrote is not the bridge's from now on.
    applied: Object.fromEntries(applied.filter(([name]) => !(name in changed && foreignKept.includes(name)))),
    observed: { ...link.observed, ...changed, ...kept },
  };
}

function stateDrift(
  link: ComparedLink,
  desired: DesiredUser,
  { remote: account, seenAt }: SeenAccount,
): { readonly kind?: DriftItem['kind']; readonly patch?: AccountPatch } {
  const enabledThere = account.state === 'enabled';
  if (link.state === 'enabled' && account.state === 'locked') {
    return { kind: 'lockedThere', patch: { state: 'disabled', disabledBy: lockedBy(account) } };
  }
  if (link.state === 'enabled' && account.state === 'disabled') {
    const why = desired.lifecycle === 'gone' ? 'gone' : 'inactive';
    const patch = { state: 'disabled', disabledBy: why } as const;
    return desired.lifecycle === 'active' ? { kind: 'disabledThere', patch } : { patch };
  }
  const isLocked = link.state === 'disabled' && account.state === 'locked';
  // Nothing was changed since, but what keeps the account shut is not the bridge's to lift, or for others to lift.
  const matters = desired.lifecycle === 'active' || account.awaitsApproval === true;
  if (isLocked && matters && link.disabledBy !== lockedBy(account)) {
    return { patch: { disabledBy: lockedBy(account) } };
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
    // What the bridge has just disabled it enables by a call: an older look would leave it shut, by hand to all appearances.
    const isOwn = link.disabledBy === 'inactive' || link.disabledBy === 'gone';
    if (isOwn && desired.lifecycle === 'active' && mayBeLate(seenAt, link.updatedAt)) return {};
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
  link: ComparedLink,
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

/** Memberships of one remote group that a complete list of its members shows otherwise than they should be. */
export function membershipDrift(
  group: { readonly subject: NamedSubject; readonly remoteId: string },
  listed: MembersListed,
): readonly DriftItem[] {
  const { subject, remoteId } = group;
  // What may have gone with a disabled account is nobody's doing.
  const missing = listed.unseen.filter(({ origin, doubted }) => origin !== 'foreign' && !doubted);
  const planned = (by: 'grant' | 'revoke', among: ReadonlySet<string>) =>
    listed.planned.filter(({ op, member }) => op === by && among.has(member.remoteId));
  const otherwise = (kind: DriftItem['kind'], changes: readonly MembershipChange[]): DriftItem[] =>
    changes.map(({ member: { remoteId: id, display } }) => ({
      ...{ kind, subject, remoteId },
      member: { id, display },
    }));
  return [
    ...missing.map(({ remoteUserId, display }) => ({
      kind: 'membershipMissing' as const,
      subject,
      remoteId,
      member: { id: remoteUserId, display },
    })),
    ...otherwise('membershipLowered', planned('grant', listed.lowered)),
    ...otherwise('membershipForeign', planned('revoke', listed.foreign)),
  ];
}

export interface MembersListed {
  /** Memberships of the ledger that the list does not show. */
  readonly unseen: readonly {
    readonly remoteUserId: string;
    readonly display: string;
    readonly origin: 'added' | 'adopted' | 'foreign';
    readonly doubted?: boolean;
  }[];
  readonly planned: readonly MembershipChange[];
  /** Remote ids of members that the bridge neither added nor adopted. */
  readonly foreign: ReadonlySet<string>;
  /** And of those whose level somebody lowered. */
  readonly lowered: ReadonlySet<string>;
}
