/** Puts together what the planner needs to know of a person; the same for a task, a sync and a preview. */

import type { LinkRecord } from '../db/seen/links.ts';
import type { Attributes, DesiredUser } from '../model/desired.ts';
import type { RemoteUser } from '../model/remote.ts';
import { isProtected } from '../plan/protection.ts';
import type { UserSituation } from '../plan/user.ts';
import type { StoreContext } from '../stores/desired.ts';
import { isoTime } from '../support/clock.ts';

/** `link` may be a `removed` one, or of a person let go: as good as none. `now` is an ISO time. */
export function userSituation(
  context: StoreContext,
  desired: DesiredUser,
  link: LinkRecord | null,
  account: RemoteUser | null,
  now: string,
): UserSituation {
  const live = link !== null && link.state !== 'removed' && !desired.keepRemote ? link : null;
  const remoteId = live?.remoteId ?? account?.remoteId;
  const names = [
    desired.identifier,
    ...(live ? namesOfLink(context, live) : []),
    ...(account ? namesOfAccount(context, account) : []),
  ];
  return {
    desired,
    link: live,
    account,
    isTaken: false,
    settings: context.settings,
    keptOnAdoption: markedAttributes(context, 'keptOnAdoption'),
    identityAttributes: markedAttributes(context, 'identity'),
    isProtected: remoteId !== undefined && protects(context, remoteId, names),
    takenKeys: new Map(),
    temporary: [],
    removalDue: isRemovalDue(context, desired, live, now),
  };
}

/** The names of the target attributes of which the type of store says so. */
export function markedAttributes(
  { definition }: StoreContext,
  mark: 'keptOnAdoption' | 'identity',
): readonly string[] {
  return definition.userAttributes.filter((attribute) => attribute[mark]).map(({ name }) => name);
}

const DAY_MS = 24 * 60 * 60_000;

/** Before this moment the count must have begun for its time to be up at `now`. */
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

/** `REMOVE_AFTER_DAYS` counts while the account is disabled and its person gone, whoever brought that about. */
export function countsRemoval(link: LinkRecord, desired: DesiredUser): boolean {
  return link.state === 'disabled' && desired.lifecycle === 'gone';
}

/** False where the count has to begin or to end, which is no write to the account. */
export function isCountRight(link: LinkRecord | null, desired: DesiredUser): boolean {
  return link === null || countsRemoval(link, desired) === (link.removalSince !== null);
}

/** `names` are all identifiers that the account is known by. */
export function protects(
  context: StoreContext,
  remoteId: string,
  names: readonly (string | null)[],
): boolean {
  return isProtected(
    { patterns: context.settings.protectedAccounts, self: context.store.self },
    remoteId,
    names,
  );
}

/** The names by which an account is known that is somebody's: as a person reads it, as seen there, and as sent. */
export function namesOfLink(
  context: StoreContext,
  link: Pick<LinkRecord, 'remoteName' | 'observed' | 'applied'>,
): readonly string[] {
  return [link.remoteName, ...identifiersIn(context, link.observed), ...identifiersIn(context, link.applied)];
}

/** The names by which an account is known that is nobody's yet. */
export function namesOfAccount(context: StoreContext, account: RemoteUser): readonly (string | null)[] {
  return [account.display, account.identifier, ...identifiersIn(context, account.attributes)];
}

function identifiersIn({ definition }: StoreContext, attributes: Attributes): readonly string[] {
  return Object.values(definition.identifierAttributes).flatMap((name) => attributes[name] ?? []);
}
