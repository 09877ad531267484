/**
 * Compares the name of a remote group in a complete scan with the name that the bridge gave it or found it by. Pure.
 */

import type { NotAcceptedAttributes } from '../../model/change.ts';
import type { Attributes, DesiredGroup } from '../../model/desired.ts';
import { isSame, type RemoteGroup, shownInstead, titleOf } from '../../model/remote.ts';
import { type Drift, NO_DRIFT } from '../drift.ts';
import { GROUP_KEY } from '../keys.ts';
import type { GroupLink } from './group.ts';

/** The part of a link that its name is compared by. */
export interface NamedLink extends GroupLink {
  /**
   * `name`: the vendor's form of the last name that the bridge gave; absent where it gave none, or did not see it.
   */
  readonly observed: Attributes;
  /** When the bridge last wrote to the group, or read it into the link (ISO time). */
  readonly updatedAt: string;
  readonly drift: { readonly repaired: Attributes } | null;
}

export interface NamePatch {
  readonly remoteName?: string;
  readonly notAccepted?: NotAcceptedAttributes;
  readonly observed: Attributes;
}

/** `nameOf`: the name by which SCIM groups are matched, of a remote group with this title. */
export function nameDrift(
  link: NamedLink,
  desired: DesiredGroup,
  { remote, seenAt }: { readonly remote: RemoteGroup; readonly seenAt: string },
  nameOf: (title: string) => string,
): Drift<NamePatch> {
  // The bridge wrote after the scan had asked, so its write is newer than what the scan saw.
  if (seenAt <= link.updatedAt) return NO_DRIFT;
  const found = titleOf(remote);
  const observed = { ...link.observed, [GROUP_KEY]: found };
  const before = link.observed[GROUP_KEY] ?? (remote.title === undefined ? link.remoteName : null);
  // The bridge adopted this group by its path, and nobody wanted another name for it.
  if (before === null) return link.origin === 'created' ? { ...NO_DRIFT, patch: { observed } } : NO_DRIFT;
  if (found === before) return NO_DRIFT;
  const remoteName = remote.title === undefined ? found : nameOf(found);
  if (link.drift?.repaired[GROUP_KEY] === found) {
    const isTaken = isSame(desired.name, remoteName);
    const refused = { [GROUP_KEY]: { wanted: desired.name, reason: shownInstead(found) } };
    const patch = { observed, ...(isTaken ? {} : { notAccepted: refused }) };
    return { ...NO_DRIFT, patch, kept: { [GROUP_KEY]: found } };
  }
  const patch = { remoteName, observed, notAccepted: {} };
  if (remoteName === desired.name) return { ...NO_DRIFT, patch };
  const subject = { kind: 'group', id: desired.id, display: desired.display } as const;
  const item = { kind: 'attribute', subject, remoteId: link.remoteId, attribute: GROUP_KEY } as const;
  return {
    ...NO_DRIFT,
    items: [{ ...item, expected: desired.name, found }],
    patch,
    repaired: { [GROUP_KEY]: found },
  };
}
