/** Puts together what the planner needs to know of a person, for a task, a sync and a preview alike. */

import type { LinkRecord } from '../db/seen/links.ts';
import type { DesiredUser } from '../model/desired.ts';
import type { RemoteUser } from '../model/remote.ts';
import type { UserSituation } from '../plan/drafting.ts';
import type { Doubts } from '../plan/people/doubts.ts';
import type { StoreContext } from '../stores/desired.ts';
import { isoTime } from '../support/clock.ts';
import {
  namesOfAccount,
  namesOfLink,
  type Protected,
  type Protector,
  protectedNames,
} from './people/protection.ts';

/** `link` may be `removed`, or one of a person whose account is kept. `now` is an ISO time. */
export function userSituation(
  context: StoreContext,
  desired: DesiredUser,
  link: LinkRecord | null,
  account: RemoteUser | null,
  seen: { readonly protect: Protector; readonly now: string; readonly doubts: Doubts },
): UserSituation & { readonly protection: Protected | null } {
  const { doubts } = seen;
  const live = liveLink(desired, link);
  const remoteId = live?.remoteId ?? account?.remoteId;
  const names = [
    ...(live ? namesOfLink(context, live) : []),
    ...(account ? namesOfAccount(context, account) : []),
  ];
  const protection = remoteId === undefined ? null : seen.protect(remoteId, names);
  const identityAttributes = markedAttributes(context, 'identity');
  return {
    desired,
    link: live,
    account,
    isTaken: false,
    lost: false,
    shown: {},
    doubts,
    settings: context.settings,
    storeName: context.store.name,
    keptOnAdoption: markedAttributes(context, 'keptOnAdoption'),
    identityAttributes,
    foreignKept: markedAttributes(context, 'foreignKept'),
    protection,
    isProtected: protection !== null,
    namesProtected: protectedNames(context, identityAttributes, desired.attributes),
    isOwn: false,
    takenKeys: new Map(),
    temporary: new Map(),
    removalDue: isRemovalDue(context, desired, live, seen.now),
  };
}

/** The link, unless it is `removed` or the person's account is kept without the bridge. */
export function liveLink(desired: DesiredUser, link: LinkRecord | null): LinkRecord | null {
  return link !== null && link.state !== 'removed' && !desired.keepRemote ? link : null;
}

/** The names of the attributes that the store type marks so. */
export function markedAttributes(
  { definition }: StoreContext,
  mark: 'keptOnAdoption' | 'identity' | 'foreignKept',
): readonly string[] {
  return definition.userAttributes.filter((attribute) => attribute[mark]).map(({ name }) => name);
}

const DAY_MS = 24 * 60 * 60_000;

/** The time at or before which the count of days must have begun to be over at `now`. */
export function removalCutoff(removeAfterDays: number, now: string): string {
  return isoTime(Date.parse(now) - removeAfterDays * DAY_MS);
}

function isRemovalDue(
  context: StoreContext,
  desired: DesiredUser,
  link: LinkRecord | null,
  now: string,
): boolean {
  const since = link?.removalSince ?? null;
  if (since === null || desired.lifecycle !== 'gone') return false;
  return since <= removalCutoff(context.settings.removeAfterDays, context.deletionTime(now));
}

/** `REMOVE_AFTER_DAYS` counts while the account is disabled and its person gone, whoever disabled it. */
export function countsRemoval(link: LinkRecord, desired: DesiredUser): boolean {
  return link.state === 'disabled' && desired.lifecycle === 'gone';
}

/** False where the count of days must begin or end. That is no call to the vendor. */
export function isCountRight(link: LinkRecord | null, desired: DesiredUser): boolean {
  return link === null || countsRemoval(link, desired) === (link.removalSince !== null);
}
