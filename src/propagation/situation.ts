/** Puts together what the planner needs to know of a person; the same for a task, a sync and a preview. */

import type { LinkRecord } from '../db/links.ts';
import type { DesiredUser } from '../model/desired.ts';
import type { RemoteUser } from '../model/remote.ts';
import { isProtected } from '../plan/protection.ts';
import type { UserSituation } from '../plan/user.ts';
import type { StoreView } from './desired.ts';

/** `link` may be a `removed` one, which is as good as none. */
export function userSituation(
  view: StoreView,
  desired: DesiredUser,
  link: LinkRecord | null,
  account: RemoteUser | null,
): UserSituation {
  const live = link !== null && link.state !== 'removed' ? link : null;
  const remoteId = live?.remoteId ?? account?.remoteId;
  const shown = { ...live?.observed, ...account?.attributes };
  const names = [
    desired.identifier,
    live?.remoteName ?? null,
    account?.display ?? null,
    account?.identifier ?? null,
    shown.primaryEmail ?? null,
    shown.email ?? null,
    shown.userName ?? null,
    shown.username ?? null,
  ];
  return {
    desired,
    link: live,
    account,
    settings: view.settings,
    keptOnAdoption: view.definition.userAttributes.filter((a) => a.keptOnAdoption).map((a) => a.name),
    isProtected: remoteId !== undefined && protects(view, remoteId, names),
  };
}

/** `names` are all identifiers that the account is known by. */
export function protects(view: StoreView, remoteId: string, names: readonly (string | null)[]): boolean {
  return isProtected({ patterns: view.settings.protectedAccounts, self: view.store.self }, remoteId, names);
}
