/**
 * What becomes of a loss that an admin wants back: the table "Giving back" of docs/design.md. What has changed since
 * stays as it is. Pure.
 */

import type {
  AttributeChange,
  Change,
  MembershipChange,
  Switch,
  Update,
  UserChange,
} from '../model/change.ts';
import type { Attributes } from '../model/desired.ts';
import type { AccountLink, UserSituation } from './drafting.ts';

export type GiveBack<C extends Change = Change> =
  | { readonly verdict: 'give'; readonly change: C }
  /** The store shows it as the admin wants it already. */
  | { readonly verdict: 'given' }
  | { readonly verdict: 'moved' | 'impossible'; readonly reason: string }
  /** The membership waits until the account is given back. */
  | { readonly verdict: 'wait' };

/** A loss that a store took, and what the directory wanted then. */
export interface Taken<C extends Change = Change> {
  readonly change: C;
  readonly desired: string;
}

/** What gives an account back. */
export type AccountChange = Switch | Update<'user'>;

type Account = Pick<UserSituation, 'desired' | 'link' | 'isProtected'>;

export function giveAccountBack({ change, desired }: Taken, account: Account): GiveBack<AccountChange> {
  const { link, isProtected } = account;
  if (change.op === 'delete') return impossible('the account was deleted');
  if (
    !('remoteId' in change) ||
    link === null ||
    link.state === 'removed' ||
    link.remoteId !== change.remoteId
  )
    return impossible('the account is not there, or not linked, any more');
  const isUpdate = change.op === 'update';
  if (!isUpdate && account.desired.lifecycle !== desired) return moved(DIRECTORY_MOVED);
  if (!isUpdate && link.state !== 'disabled') return { verdict: 'given' };
  if (isProtected) return impossible('the account is protected');
  if (link.disabledBy === 'hand' || link.disabledBy === 'locked')
    return moved('somebody else has disabled the account since');
  if (isUpdate)
    return giveAttributesBack(change.attributes, link, account.desired.attributes, subjectOf(account));
  return { verdict: 'give', change: { op: 'enable', subject: subjectOf(account), remoteId: link.remoteId } };
}

const DIRECTORY_MOVED = 'the directory wants something else by now';

function giveAttributesBack(
  attributes: readonly AttributeChange[],
  link: AccountLink,
  wanted: Attributes,
  subject: UserChange['subject'],
): GiveBack<AccountChange> {
  const has = (name: string) => link.applied[name] ?? link.observed[name] ?? '';
  const still = attributes.filter(({ name, to }) => wanted[name] === to);
  if (still.length === 0) return moved(DIRECTORY_MOVED);
  const back = still.filter(({ name, to }) => has(name) === to);
  if (back.length === 0) {
    const isBack = still.every(({ name, from }) => has(name) === from);
    return isBack ? { verdict: 'given' } : moved('the account has another value by now');
  }
  const known = back.flatMap(({ name, from, to }) => (from === null ? [] : [{ name, from: to, to: from }]));
  if (known.length === 0) return impossible('what the account had before is not known');
  return { verdict: 'give', change: { op: 'update', subject, remoteId: link.remoteId, attributes: known } };
}

function subjectOf({ desired: { id, display } }: Account): UserChange['subject'] {
  return { kind: 'user', id, display };
}

export interface MembershipNow {
  /** The person is a member of at least one SCIM group that feeds the remote group. */
  readonly wanted: boolean;
  /** The person is in the remote group, as far as the bridge knows. */
  readonly isMember: boolean;
  readonly account: 'none' | 'enabled' | 'disabled';
  /** The account itself is still to be given back. */
  readonly isComing: boolean;
  readonly isProtected: boolean;
  readonly isGroupProtected: boolean;
}

export function giveMembershipBack(
  { change }: Taken<MembershipChange>,
  now: MembershipNow,
): GiveBack<MembershipChange> {
  if (now.wanted) return moved(DIRECTORY_MOVED);
  if (now.isMember) return { verdict: 'given' };
  if (now.isComing) return { verdict: 'wait' };
  if (now.account === 'none') return impossible('the account is not there, or not linked, any more');
  if (now.account === 'disabled') return moved('the account is disabled by now');
  if (now.isProtected) return impossible('the account is protected');
  if (now.isGroupProtected) return impossible('the group is protected');
  return { verdict: 'give', change: { ...change, op: 'grant' } };
}

function moved(reason: string) {
  return { verdict: 'moved', reason } as const;
}

function impossible(reason: string) {
  return { verdict: 'impossible', reason } as const;
}
