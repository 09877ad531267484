/** What is known of one person on one store, and the plan for them as it is drawn up. */

import type { NotAcceptedAttributes, Op, Plan, Skip, UserChange } from '../model/change.ts';
import type { CommonSettings } from '../model/commonSettings.ts';
import type { Attributes, DesiredUser } from '../model/desired.ts';
import type { RemoteUser } from '../model/remote.ts';
import type { Doubts } from './people/doubts.ts';

export type DisabledBy = 'inactive' | 'gone' | 'hand' | 'locked' | 'unapproved';

export interface AccountLink {
  readonly remoteId: string;
  readonly state: 'enabled' | 'disabled' | 'invited' | 'removed';
  /** Null unless the state is `disabled`. */
  readonly disabledBy: DisabledBy | null;
  readonly applied: Attributes;
  readonly observed: Attributes;
  readonly notAccepted: NotAcceptedAttributes;
  /** It can do more there than people usually can. */
  readonly privileged: boolean;
}

export interface UserSituation {
  readonly doubts: Doubts;
  readonly desired: DesiredUser;
  readonly link: AccountLink | null;
  /** Attributes of the linked account as a look has just found them; see `KnownAttributes`. */
  readonly shown: Attributes;
  /** The vendor has just said that the linked account is not there, and the person was to lose access to it. */
  readonly lost: boolean;
  /**
   * Without a link: the account under the person's identifier, null where there is none. Of a person who is gone: the
   * one that was under it and may not be adopted.
   */
  readonly account: RemoteUser | null;
  /** That account is linked to another person, who is still there. */
  readonly isTaken: boolean;
  readonly settings: CommonSettings;
  readonly storeName: string;
  /** Target attributes of which an adopted account keeps its own value until the directory's changes. */
  readonly keptOnAdoption: readonly string[];
  /** Target attributes by which an account is found or signed in to. */
  readonly identityAttributes: readonly string[];
  /** Target attributes of which a value that the bridge did not write stays, unless `OVERWRITE_IDENTITY` says otherwise. */
  readonly foreignKept: readonly string[];
  /** The account, linked or not. */
  readonly isProtected: boolean;
  /** Wanted values that another account has, by target attribute, each with why that stays so. */
  readonly takenKeys: ReadonlyMap<string, string>;
  /** Target attributes with a value that the account has only until the wanted one is free, each with the one before. */
  readonly temporary: ReadonlyMap<string, string | null>;
  /** Attributes that would give an account the name of a protected one. */
  readonly namesProtected: readonly string[];
  /** The account that was found is one that the bridge made, and whose creation nobody heard of. */
  readonly isOwn: boolean;
  /** `REMOVE_AFTER_DAYS` have passed since the account of a person who is gone was disabled. */
  readonly removalDue: boolean;
}

/** Collects the changes and skips of one plan. */
export class Drafting {
  readonly situation: UserSituation;
  readonly subject: UserChange['subject'];
  readonly #changes: UserChange[] = [];
  readonly #skipped: Skip[] = [];

  constructor(situation: UserSituation) {
    this.situation = situation;
    const { id, display } = situation.desired;
    this.subject = { kind: 'user', id, display };
  }

  get isPrivileged(): boolean {
    const { link, account } = this.situation;
    return link?.privileged === true || account?.privileged === true;
  }

  add(change: UserChange) {
    this.#changes.push(this.isPrivileged ? { ...change, privileged: true } : change);
  }

  skip(op: Op, status: Skip['status'], reason: string) {
    this.#skipped.push({ op, subject: this.subject, reason: `${this.subject.display} ${reason}`, status });
  }

  get deletes(): boolean {
    return this.#changes.some(({ op }) => op === 'delete');
  }

  finish(): Plan<UserChange> {
    return { changes: this.#changes, skipped: this.#skipped };
  }
}

/** Of a person, whose name comes before it. */
export const UNAPPROVED = "waits for an administrator's approval there";

/** Why the bridge can let nobody in with an account that is `locked`. */
export function lockedBy({ awaitsApproval }: RemoteUser): 'locked' | 'unapproved' {
  return awaitsApproval ? 'unapproved' : 'locked';
}

/** Whoever waits for an approval may be let in at any time. */
export function mayGiveAccess({ state, awaitsApproval }: RemoteUser): boolean {
  return state === 'enabled' || awaitsApproval === true;
}
