/** One operation on a store, as a plan lists it and a connector executes it. */

import type { Attributes } from './desired.ts';
import type { Kind, NamedSubject } from './subject.ts';

export interface AttributeChange {
  readonly name: string;
  /** What the bridge last applied or observed; null where neither is known. */
  readonly from: string | null;
  readonly to: string;
}

/** What was sent of an attribute, and why it is not so at the vendor. */
export interface NotTaken {
  readonly wanted: string;
  /** The vendor's words, or what it shows instead. */
  readonly reason: string;
}

/** By attribute. */
export type NotAcceptedAttributes = Readonly<Record<string, NotTaken>>;

export interface Member {
  /** The person behind the account; null for an account that no link knows (`Overwrite` only). */
  readonly personId: string | null;
  readonly remoteId: string;
  readonly display: string;
  /** GitLab's numeric access level; null where the store has no levels. */
  readonly level: number | null;
}

/** What a plan itself holds, however few people it concerns; the limits of the brake come on top. */
export type HoldKind = 'rule' | 'speaker' | 'identity' | 'privileged' | 'confusable';

export interface Hold {
  readonly kind: HoldKind;
  /** In words for the admin who decides. */
  readonly reason: string;
}

interface On<K extends Kind> {
  readonly subject: NamedSubject<K>;
  /** It is not made before an admin approves it. */
  readonly hold?: Hold;
  /** The account can do more there than people usually can. */
  readonly privileged?: true;
}

export interface Create<K extends Kind = Kind> extends On<K> {
  readonly op: 'create';
  readonly attributes: Attributes;
  readonly identifier: string;
}

/** Takes an account or group that is there already into the link. The vendor is not called. */
export interface Adopt<K extends Kind = Kind> extends On<K> {
  readonly op: 'adopt';
  readonly remoteId: string;
  /** The account is disabled there, and whoever adopts it gets it back with all that hangs on it. */
  readonly revives?: true;
  /** What it is called there: a name, or a full path. */
  readonly remoteName?: string;
  /** It may be adopted together with the loss that follows, and for nothing else. */
  readonly onlyToLose?: true;
}

export interface Update<K extends Kind = Kind> extends On<K> {
  readonly op: 'update';
  readonly remoteId: string;
  readonly attributes: readonly AttributeChange[];
  /** Gives values that stay only until the wanted ones are free: it takes nothing from anybody. */
  readonly temporary?: true;
  /** By all of these attributes the account is found or signed in to, and each has another value already: a loss. */
  readonly replacesIdentity?: true;
}

export interface Switch extends On<'user'> {
  readonly op: 'enable' | 'disable';
  readonly remoteId: string;
}

export interface Delete<K extends Kind = Kind> extends On<K> {
  readonly op: 'delete';
  readonly remoteId: string;
}

export interface MembershipChange extends On<'group'> {
  readonly op: 'grant' | 'revoke';
  /** The remote group's. */
  readonly remoteId: string;
  readonly member: Member;
}

/** What a connector is asked to do to one account or one group. */
interface WriteByKind {
  readonly user: Create<'user'> | Update<'user'> | Switch | Delete<'user'>;
  readonly group: Create<'group'> | Update<'group'> | Delete<'group'>;
}

export type Write<K extends Kind = Kind> = On<K> & WriteByKind[K];
export type UserChange = Write<'user'> | Adopt<'user'>;
export type GroupChange = Write<'group'> | Adopt<'group'>;
export type Change = UserChange | GroupChange | MembershipChange;

export type Op = Change['op'];

/** Changes that take something from a person; the brake counts the people who suffer one. */
export function isLoss(change: Change): boolean {
  return endsAccess(change) || change.op === 'revoke' || replacesIdentity(change);
}

/** The account cannot be used any more. */
export function endsAccess({ op }: Pick<Change, 'op'>): boolean {
  return op === 'disable' || op === 'delete';
}

export function makesLink({ op }: Pick<Change, 'op'>): boolean {
  return op === 'adopt' || op === 'create';
}

/** An account that changes hands by it is lost to whom it was. */
export function replacesIdentity(change: Change): change is IdentityUpdate {
  return change.op === 'update' && change.replacesIdentity === true;
}

export type IdentityUpdate = Update<'user'> & { readonly replacesIdentity: true };

/** Changes that may have to wait for an admin: losses, and what the plan holds. */
export function mayBeHeld(change: Change): boolean {
  return isLoss(change) || change.hold !== undefined;
}

/**
 * The identity of a change: equal for two plans exactly when they would do the same thing.
 * Approvals, discards and previews are matched by it.
 */
export function changeKey(change: Change): string {
  const who = `${change.subject.kind}:${change.subject.id}`;
  switch (change.op) {
    case 'create':
      return JSON.stringify(['create', who, Object.entries(change.attributes).sort()]);
    case 'update':
      return JSON.stringify(['update', who, change.remoteId, change.attributes.map((a) => [a.name, a.to])]);
    case 'grant':
    case 'revoke':
      // By person: the account of somebody who is about to get one has no id yet.
      return JSON.stringify([
        change.op,
        who,
        change.member.personId ?? change.member.remoteId,
        change.member.level,
      ]);
    default:
      return JSON.stringify([change.op, who, change.remoteId]);
  }
}

/** What a plan leaves undone, and why, in words for an admin. */
export interface Skip {
  readonly op: Op;
  readonly subject: NamedSubject;
  readonly reason: string;
  /** The status the subject has because of it. */
  readonly status: 'unsynced' | 'partiallySynced';
}

export interface Plan<C extends Change = Change> {
  readonly changes: readonly C[];
  readonly skipped: readonly Skip[];
}
