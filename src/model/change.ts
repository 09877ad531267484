/** One operation on a store, as a plan lists it and a connector executes it. */

import type { Attributes } from './desired.ts';
import type { Kind, NamedSubject } from './subject.ts';

export interface AttributeChange {
  readonly name: string;
  /** What the bridge last applied or observed; null where neither is known. */
  readonly from: string | null;
  readonly to: string;
}

/** The value that the bridge sent, and why the vendor has another one. */
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

/** Why a plan itself holds a change, however few people it concerns. The brake's limits come on top. */
export type HoldKind = 'rule' | 'speaker' | 'identity' | 'privileged' | 'confusable';

export interface Hold {
  readonly kind: HoldKind;
  /** In words for the admin who decides. */
  readonly reason: string;
}

interface On<K extends Kind> {
  readonly subject: NamedSubject<K>;
  /** The bridge does not make the change before an admin approves it. */
  readonly hold?: Hold;
  /** The account can do more there than people usually can. */
  readonly privileged?: true;
}

export interface Create<K extends Kind = Kind> extends On<K> {
  readonly op: 'create';
  readonly attributes: Attributes;
  readonly identifier: string;
}

/** Links an account or group that exists already. No call to the vendor. */
export interface Adopt<K extends Kind = Kind> extends On<K> {
  readonly op: 'adopt';
  readonly remoteId: string;
  /** The account is disabled there, and its new owner gets it back with everything that belongs to it. */
  readonly revives?: true;
  /** Its name or full path there. */
  readonly remoteName?: string;
  /** The bridge may adopt the account only together with the loss that follows. */
  readonly onlyToLose?: true;
}

export interface Update<K extends Kind = Kind> extends On<K> {
  readonly op: 'update';
  readonly remoteId: string;
  readonly attributes: readonly AttributeChange[];
  /** The values are temporary, until the wanted ones are free: nobody loses anything. */
  readonly temporary?: true;
  /** The account is found or signed in to by all of these attributes, and each has another value already: a loss. */
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
  /** The id of the remote group. */
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

/** The change gives the account to somebody else, so its former owner loses it. */
export function replacesIdentity(change: Change): change is IdentityUpdate {
  return change.op === 'update' && change.replacesIdentity === true;
}

export type IdentityUpdate = Update<'user'> & { readonly replacesIdentity: true };

/** Whether the change may have to wait for an admin: it is a loss, or the plan holds it. */
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
      // By person, because an account that is still to be made has no id.
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
  /** The subject's status because of it. */
  readonly status: 'unsynced' | 'partiallySynced';
}

export interface Plan<C extends Change = Change> {
  readonly changes: readonly C[];
  readonly skipped: readonly Skip[];
}
