/**
 * What a sync compares: an account, or the members of a group, as a complete scan saw them, and as the vendor showed
 * them after the bridge's last write. What differs, somebody changed by hand. Others decide whether to repair it.
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
    /** Another account has the person's identifier too. The bridge cannot repair that. */
    | 'duplicateIdentifier'
    | 'membershipMissing'
    /** The membership has a lower level than the bridge gave it. */
    | 'membershipLowered'
    /** Under `Overwrite` only. Otherwise, memberships that the bridge did not make are none of its business. */
    | 'membershipForeign';
  readonly subject: NamedSubject;
  readonly remoteId: string;
  readonly attribute?: string;
  readonly expected?: string;
  readonly found?: string;
  /** By the account; `personId` where it is a person's. */
  readonly member?: { readonly id: string; readonly display: string; readonly personId?: string };
}

/** `P`: the part of the link that drift changes. */
export interface Drift<P = AccountPatch> {
  readonly items: readonly DriftItem[];
  /** How the link changes where the plan starts from what was found; null where nothing differs. */
  readonly patch: P | null;
  /** The values that a repair is about to overwrite, by attribute. */
  readonly repaired: Attributes;
  /**
   * Attributes that the store shows unchanged after a repair: it keeps them so, and they count as shown from now on.
   */
  readonly kept: Attributes;
}

/** The part of a link that a sync compares. */
export interface ComparedLink extends AccountLink {
  /** When the bridge last wrote to the account, or read it into the link (ISO time). */
  readonly updatedAt: string;
  readonly drift: { readonly repaired: Attributes; readonly answered?: Attributes } | null;
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
 * attributes for which it matters who wrote the value.
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
    // The bridge made or changed the account since; the scan may have read that page before.
    if (link.updatedAt >= scanBegan) return NO_DRIFT;
    const missed = desired.lifecycle === 'active';
    const patch = { state: 'removed', disabledBy: null, removalSince: null } as const;
    return { ...NO_DRIFT, items: missed ? [{ ...base, kind: 'vanished' }] : [], patch };
  }
  // The bridge wrote after the scan had asked, so its write is newer than what the scan saw.
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
    ...acceptance(link, account, kept),
    ...(privileged === link.privileged ? {} : { privileged }),
  };
  return { items, patch: Object.keys(patch).length > 0 ? patch : null, repaired: changed, kept };
}

/**
 * The observed attributes after a write. Where the vendor's answer also shows wanted attributes that were not
 * written, they stay as observed before, so that the next sync finds what somebody changed by hand. Identity
 * attributes are taken from the answer at once: who else wrote them matters immediately.
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

/** What the answer to a write of others shows changed by hand. `before`, `after`: the observed attributes. */
export function changedMeanwhile(
  before: Attributes,
  after: Attributes,
  written: Attributes,
  wanted: Attributes,
): Attributes {
  const isNews = (name: string, found: string) => found !== before[name] && found !== wanted[name];
  const compared = Object.entries(after).filter(
    ([name]) => !(name in written) && before[name] !== undefined && wanted[name] !== undefined,
  );
  return Object.fromEntries(compared.filter(([name, found]) => isNews(name, found)));
}

/**
 * Attributes that the bridge sent and that the vendor shows for the first time, because its answer to the write did
 * not.
 */
function shown(link: ComparedLink, account: RemoteUser): Attributes {
  const news = Object.entries(account.attributes).filter(
    ([name]) => link.applied[name] !== undefined && link.observed[name] === undefined,
  );
  return Object.fromEntries(news);
}

/**
 * What the vendor accepted. The first read after a write shows it, or the first one after a repair (`kept`); a later
 * one may show that it accepted a value late.
 */
function acceptance(link: ComparedLink, account: RemoteUser, kept: Attributes): AccountPatch {
  const shown = Object.entries(account.attributes);
  const isTaken = (name: string, found: string) => isSame(link.applied[name] ?? '', found);
  const late = shown.filter(([name, found]) => name in link.notAccepted && isTaken(name, found));
  const isFirst = (name: string) => link.observed[name] === undefined || name in kept;
  const refused = shown.filter(
    ([name, found]) => name in link.applied && isFirst(name) && !isTaken(name, found),
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
    // A value that somebody else wrote no longer counts as applied by the bridge.
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
  // The account is still disabled, but what keeps it so has changed: the bridge may not lift it, or others may.
  const matters = desired.lifecycle === 'active' || account.awaitsApproval === true;
  if (isLocked && matters && link.disabledBy !== lockedBy(account)) {
    return { patch: { disabledBy: lockedBy(account) } };
  }
  if (link.disabledBy === 'unapproved' && account.state === 'disabled') {
    const why = desired.lifecycle === 'active' ? 'hand' : desired.lifecycle;
    return { patch: { disabledBy: why } };
  }
  if (link.disabledBy === 'hand' && account.state === 'disabled' && desired.lifecycle === 'active') {
    // A task found it disabled by hand and may not undo that; a repair may.
    return { kind: 'disabledThere', patch: { disabledBy: 'inactive' } };
  }
  if (link.state === 'disabled' && enabledThere) {
    // The bridge has just disabled the account. If it took an older picture for drift, it would skip the call that
    // enables the account, which would then look disabled by hand.
    const isOwn = link.disabledBy === 'inactive' || link.disabledBy === 'gone';
    if (isOwn && desired.lifecycle === 'active' && mayBeLate(seenAt, link.updatedAt)) return {};
    // The bridge disables the account again and starts a new count of days.
    const patch = { state: 'enabled', disabledBy: null, removalSince: null } as const;
    return desired.lifecycle === 'active' ? { patch } : { kind: 'enabledThere', patch };
  }
  return {};
}

/**
 * A value that the vendor never took as sent, such as a locked name or one in the vendor's own form, is no drift:
 * neither what it showed after the last write, nor what it shows again right after a repair.
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
      (found !== link.observed[name] || found === link.drift?.answered?.[name]) &&
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
  // A membership may have gone with a disabled account, and then nobody removed it.
  const missing = listed.unseen.filter(({ origin, doubted }) => origin !== 'foreign' && !doubted);
  const planned = (by: 'grant' | 'revoke', among: ReadonlySet<string>) =>
    listed.planned.filter(({ op, member }) => op === by && among.has(member.remoteId));
  const otherwise = (kind: DriftItem['kind'], changes: readonly MembershipChange[]): DriftItem[] =>
    changes.map(({ member: { remoteId: id, display, personId } }) => ({
      ...{ kind, subject, remoteId },
      member: { id, display, ...(personId ? { personId } : {}) },
    }));
  return [
    ...missing.map(({ remoteUserId, display, personId }) => ({
      kind: 'membershipMissing' as const,
      subject,
      remoteId,
      member: { id: remoteUserId, display, ...(personId ? { personId } : {}) },
    })),
    ...otherwise('membershipLowered', planned('grant', listed.lowered)),
    ...otherwise('membershipForeign', planned('revoke', listed.foreign)),
  ];
}

export interface MembersListed {
  /** Memberships in the ledger that the list does not show. */
  readonly unseen: readonly {
    readonly remoteUserId: string;
    readonly display: string;
    /** Whose the account is, or was. */
    readonly personId?: string | undefined;
    readonly origin: 'added' | 'adopted' | 'foreign';
    readonly doubted?: boolean;
  }[];
  readonly planned: readonly MembershipChange[];
  /** The remote ids of members that the bridge neither added nor adopted. */
  readonly foreign: ReadonlySet<string>;
  /** The remote ids of members whose level somebody lowered. */
  readonly lowered: ReadonlySet<string>;
}
