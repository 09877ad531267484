/** The plan for one person on one store: the table "People" of docs/design.md, row by row. */

import type { Hold, Plan, UserChange } from '../../model/change.ts';
import type { CommonSettings } from '../../model/commonSettings.ts';
import type { Attributes } from '../../model/desired.ts';
import type { RemoteUser } from '../../model/remote.ts';
import {
  type AccountLink,
  type DisabledBy,
  Drafting,
  mayGiveAccess,
  UNAPPROVED,
  type UserSituation,
} from '../drafting.ts';
import { ruleHold } from '../ruleHold.ts';
import { byNewSpeaker, heldForNewcomer } from './doubts.ts';
import { endTemporary, sayNotAccepted, update } from './userUpdate.ts';

export function planUser(situation: UserSituation): Plan<UserChange> {
  const plan = new Drafting(situation);
  const linked = situation.link !== null && situation.link.state !== 'removed';
  if (!situation.isProtected && standsBack(plan, linked)) return plan.finish();
  if (!linked && situation.account !== null && situation.isTaken) {
    taken(plan, situation.account);
    return plan.finish();
  }
  if (situation.isProtected) {
    leaveAlone(plan, situation.link);
    return plan.finish();
  }
  switch (situation.desired.lifecycle) {
    case 'active':
      linked ? activeAndLinked(plan, situation.link as AccountLink) : activeWithoutLink(plan);
      break;
    case 'inactive':
      linked ? inactiveAndLinked(plan, situation.link as AccountLink) : inactiveWithoutLink(plan);
      break;
    case 'gone':
      linked ? gone(plan, situation.link as AccountLink) : goneWithoutLink(plan);
      break;
  }
  if (linked && situation.desired.lifecycle !== 'active') endTemporary(plan, situation.link as AccountLink);
  return plan.finish();
}

function taken(plan: Drafting, account: RemoteUser) {
  const why = `has the identifier of the account ${account.display}, which is linked to another person; correct the directory, or unlink it there if the account is to change hands`;
  plan.skip('adopt', 'unsynced', why);
}

/** True where the account is somebody else's, or an admin must say whose it is. */
function standsBack(plan: Drafting, linked: boolean): boolean {
  const { desired, doubts } = plan.situation;
  const { yieldsTo, question } = doubts;
  if (desired.lifecycle === 'gone' || (linked && desired.lifecycle === 'inactive')) return false;
  if (yieldsTo !== null) {
    plan.skip(linked ? 'update' : 'create', 'unsynced', yieldsTo);
    return true;
  }
  if (linked || question === null) return false;
  const { remoteId, hold } = question;
  if (desired.lifecycle === 'active') plan.add({ op: 'adopt', subject: plan.subject, remoteId, hold });
  return true;
}

const PROTECTED = 'has a protected account there, which the bridge leaves alone';

/**
 * Does nothing with a protected account. Where its person is to lose access, the status says that it is not in order.
 */
function leaveAlone(plan: Drafting, link: AccountLink | null) {
  const { desired, account } = plan.situation;
  const state = link?.state ?? account?.state;
  const isUsable = state === 'enabled' || state === 'invited';
  if (desired.lifecycle === 'active') return plan.skip(link ? 'update' : 'adopt', 'unsynced', PROTECTED);
  if (isUsable) plan.skip('disable', 'unsynced', PROTECTED);
}

function activeWithoutLink(plan: Drafting) {
  const { desired, account, settings, namesProtected } = plan.situation;
  if (desired.identifier === null) {
    return plan.skip(
      'create',
      'unsynced',
      `has no ${identifierName(settings)}, so no account can be told to be theirs`,
    );
  }
  if (account === null) {
    if (!settings.createUsers)
      return plan.skip('create', 'unsynced', 'has no account there, and CREATE_USERS is off');
    if (namesProtected.length > 0) {
      const why = `would get an account whose ${namesProtected.join(', ')} PROTECTED_ACCOUNTS names, or the bridge's own account has`;
      return plan.skip('create', 'unsynced', why);
    }
    return plan.add({
      op: 'create',
      subject: plan.subject,
      attributes: desired.attributes,
      identifier: desired.identifier,
      ...heldForNewcomer(plan.situation),
    });
  }
  const refusal = whyNotAdopted(plan.situation, account);
  if (refusal) return plan.skip('adopt', 'unsynced', refusal);
  const revives = account.state === 'disabled' ? ({ revives: true } as const) : {};
  const hold = heldForNewcomer(plan.situation);
  const it = { subject: plan.subject, remoteId: account.remoteId, ...hold };
  plan.add({ op: 'adopt', ...it, ...revives });
  if (account.state === 'locked')
    return plan.skip('enable', 'partiallySynced', account.awaitsApproval ? UNAPPROVED : LOCKED);
  if (account.state === 'disabled') plan.add({ op: 'enable', ...it });
  update(plan, account.remoteId, keptAttributes(plan.situation), account.attributes, hold);
}

/**
 * The bridge may always adopt what it made itself. It makes no privileged account, so a privileged one is somebody
 * else's.
 */
function whyNotAdopted({ settings, isOwn }: UserSituation, account: RemoteUser): string | null {
  if ((isOwn && account.privileged !== true) || settings.adoptUsers === 'Any') return null;
  const has = `has the identifier of the account ${account.display}`;
  if (settings.adoptUsers === 'Never')
    return `${has}, and ADOPT_USERS is Never; link it by hand if it is theirs`;
  if (account.privileged !== true) return null;
  return `${has}, which is privileged there, and ADOPT_USERS is Ordinary; link it by hand, with confirm, if it is theirs`;
}

/** The bridge leaves the found account alone: it is protected, or may not be adopted. */
export function isSpared(situation: UserSituation): boolean {
  const { link, account, isTaken, isProtected } = situation;
  if (account === null || isTaken || (link !== null && link.state !== 'removed')) return false;
  return isProtected || whyNotAdopted(situation, account) !== null;
}

/** The attributes that count as applied from the adoption on. */
export function keptAttributes({
  desired,
  keptOnAdoption,
}: Pick<UserSituation, 'desired' | 'keptOnAdoption'>): Attributes {
  return Object.fromEntries(
    Object.entries(desired.attributes).filter(([name]) => keptOnAdoption.includes(name)),
  );
}

function activeAndLinked(plan: Drafting, link: AccountLink) {
  const { settings } = plan.situation;
  const waits = link.state === 'disabled' ? byNewSpeaker(plan.situation) : {};
  if (link.state === 'disabled') {
    const refusal = whyNotEnabled(link.disabledBy, settings);
    if (refusal) return plan.skip('enable', 'partiallySynced', refusal);
    plan.add({ op: 'enable', subject: plan.subject, remoteId: link.remoteId, ...waits });
  }
  update(plan, link.remoteId, link.applied, link.observed, waits);
  sayNotAccepted(plan, link);
}

const LOCKED = "is banned or blocked by the store's own directory; the bridge may not enable it";

function whyNotEnabled(disabledBy: DisabledBy | null, settings: CommonSettings): string | null {
  switch (disabledBy) {
    case 'inactive':
      return settings.disableUsers ? null : 'was disabled by the bridge, and DISABLE_USERS is off now';
    case 'gone':
      return settings.deprovisionUsers
        ? null
        : 'was deprovisioned by the bridge, and DEPROVISION_USERS is off now';
    case 'locked':
      return LOCKED;
    case 'unapproved':
      return UNAPPROVED;
    default:
      return 'was disabled there by hand; enable it there, or run a sync with repair';
  }
}

function inactiveWithoutLink(plan: Drafting) {
  const { account } = plan.situation;
  if (account === null || !mayGiveAccess(account)) return;
  const refusal = whyNotDisabled(plan);
  if (refusal) return plan.skip('disable', 'partiallySynced', refusal);
  takeFrom(plan, account);
}

/**
 * Takes access from an account that is not linked yet. Where the bridge may not adopt it, an admin must say so first.
 */
function takeFrom(plan: Drafting, account: RemoteUser) {
  const base = { subject: plan.subject, remoteId: account.remoteId };
  const why = whyNotAdopted(plan.situation, account);
  if (why === null) {
    plan.add({ op: 'adopt', ...base });
    return plan.add({ op: 'disable', ...base, ...heldDeparture(plan.situation) });
  }
  // The loss stays held whatever ADOPT_USERS says later, so its reason must not be about today's value.
  const because =
    account.privileged === true ? 'which is privileged there' : 'which ADOPT_USERS did not allow to adopt';
  const reason = `${plan.subject.display} has left and has the identifier of the account ${account.display}, ${because}`;
  plan.add({ op: 'adopt', ...base, onlyToLose: true });
  plan.add({ op: 'disable', ...base, hold: { kind: 'privileged', reason } });
}

/**
 * The person may be a leaver without a link: the bridge left their account alone because it may not adopt it, or
 * their account vanished and another one has its identifier.
 */
function goneWithoutLink(plan: Drafting) {
  const { account, settings, lost } = plan.situation;
  if (account === null || !mayGiveAccess(account)) return;
  if (!lost && whyNotAdopted(plan.situation, account) === null) return;
  if (!settings.deprovisionUsers) return plan.skip('disable', 'unsynced', NOT_DEPROVISIONED);
  takeFrom(plan, account);
}

const NOT_DEPROVISIONED = 'is gone from the directory, and DEPROVISION_USERS is off';

function isShut({ state, disabledBy }: AccountLink): boolean {
  return state === 'disabled' && disabledBy !== 'unapproved';
}

function inactiveAndLinked(plan: Drafting, link: AccountLink) {
  if (isShut(link)) return;
  const refusal = whyNotDisabled(plan);
  if (refusal) return plan.skip('disable', 'partiallySynced', refusal);
  plan.add({ op: 'disable', subject: plan.subject, remoteId: link.remoteId });
}

function whyNotDisabled({ situation }: Drafting): string | null {
  return situation.settings.disableUsers ? null : 'is inactive in the directory, and DISABLE_USERS is off';
}

function gone(plan: Drafting, link: AccountLink) {
  const { settings } = plan.situation;
  const op = removal(plan.situation, link);
  if (op === 'disable' && isShut(link)) return;
  if (!settings.deprovisionUsers) {
    const { outOfScope } = plan.situation.desired;
    const why = outOfScope ? 'is out of scope, and DEPROVISION_USERS is off' : NOT_DEPROVISIONED;
    return plan.skip(op, 'unsynced', why);
  }
  plan.add({ op, subject: plan.subject, remoteId: link.remoteId, ...heldDeparture(plan.situation) });
}

/** Nobody took the person out of scope: the group that brought them in was deleted. */
function heldDeparture({ desired: { departedFrom } }: UserSituation): { readonly hold?: Hold } {
  return departedFrom === undefined ? {} : { hold: ruleHold(departedFrom) };
}

/** A delayed deletion disables the account first, and counts the days from then. */
function removal({ settings, removalDue }: UserSituation, link: AccountLink): 'delete' | 'disable' {
  if (settings.removeAction === 'Disable') return 'disable';
  if (settings.removeAfterDays === 0) return 'delete';
  return link.state === 'disabled' && removalDue ? 'delete' : 'disable';
}

function identifierName(settings: CommonSettings): string {
  return settings.uniqueUserIdentifier === 'primaryEmail' ? 'primary email' : 'userName';
}
