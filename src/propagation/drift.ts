/**
 * Differences that somebody made by hand at the store: what a complete scan saw against what the vendor
 * showed after the bridge's last write. Pure but for the types; deciding what to do is the sync's.
 */

import type { LinkPatch, LinkRecord } from '../db/links.ts';
import type { Observation } from '../db/observations.ts';
import type { DesiredUser } from '../model/desired.ts';
import type { RemoteUser } from '../model/remote.ts';

export interface DriftItem {
  readonly kind:
    | 'attribute'
    | 'disabledThere'
    | 'enabledThere'
    | 'lockedThere'
    | 'vanished'
    | 'membershipMissing';
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
}

const NONE: Drift = { items: [], patch: null };

/**
 * `seen` undefined: a complete scan, begun at `scanStartedAt`, did not see the account. A link that was
 * written since may be of an account that is younger than the page it would be on.
 */
export function userDrift(
  link: LinkRecord,
  desired: DesiredUser,
  seen: Observation | undefined,
  scanStartedAt: string,
): Drift {
  if (link.state === 'removed') return NONE;
  if (!seen && link.updatedAt >= scanStartedAt) return NONE;
  const subject = { kind: 'user', id: desired.id, display: desired.display } as const;
  const base = { subject, remoteId: link.remoteId };
  if (!seen) {
    return { items: [{ ...base, kind: 'vanished' }], patch: { state: 'removed', disabledBy: null } };
  }
  // What the bridge wrote after the scan had asked is newer than what the scan saw.
  if (seen.seenAt < link.updatedAt) return NONE;
  const account = seen.remote as RemoteUser;
  const state = stateDrift(link, desired, account);
  const changed = changedAttributes(link, desired, account);
  const items: DriftItem[] = [
    ...(state.kind ? [{ ...base, kind: state.kind }] : []),
    ...changed.map(([attribute, found]) => ({
      ...base,
      kind: 'attribute' as const,
      attribute,
      expected: desired.attributes[attribute] ?? '',
      found,
    })),
  ];
  const attributes = Object.fromEntries(changed);
  const patch = {
    ...state.patch,
    ...(changed.length > 0
      ? { applied: { ...link.applied, ...attributes }, observed: { ...link.observed, ...attributes } }
      : {}),
  };
  return { items, patch: Object.keys(patch).length > 0 ? patch : null };
}

function stateDrift(
  link: LinkRecord,
  desired: DesiredUser,
  account: RemoteUser,
): { readonly kind?: DriftItem['kind']; readonly patch?: LinkPatch } {
  const enabledThere = account.state === 'enabled';
  if (link.state === 'enabled' && account.state === 'locked') {
    return { kind: 'lockedThere', patch: { state: 'disabled', disabledBy: 'locked' } };
  }
  if (link.state === 'enabled' && account.state === 'disabled') {
    const why = desired.lifecycle === 'gone' ? 'gone' : 'inactive';
    const patch = { state: 'disabled', disabledBy: why } as const;
    return desired.lifecycle === 'active' ? { kind: 'disabledThere', patch } : { patch };
  }
  if (link.state === 'disabled' && enabledThere) {
    const patch = { state: 'enabled', disabledBy: null } as const;
    return desired.lifecycle === 'active' ? { patch } : { kind: 'enabledThere', patch };
  }
  return {};
}

/** A value that the vendor never took as sent (a locked name, a normalised one) is no drift. */
function changedAttributes(link: LinkRecord, desired: DesiredUser, account: RemoteUser): [string, string][] {
  if (desired.lifecycle !== 'active' || account.state !== 'enabled') return [];
  return Object.entries(account.attributes).filter(
    ([name, found]) =>
      desired.attributes[name] !== undefined &&
      link.observed[name] !== undefined &&
      found !== link.observed[name] &&
      found !== desired.attributes[name],
  );
}
