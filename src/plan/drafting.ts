/** What is known of one person on one store, and a plan for them in the making. */

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
  /** The account can do more there than people usually can. */
  readonly privileged: boolean;
}

export interface UserSituation {
  readonly doubts: Doubts;
  readonly desired: DesiredUser;
  readonly link: AccountLink | null;
  /** Attributes of the linked account as a look has just seen them; see `KnownAttributes`. */
  readonly shown: Attributes;
  /** The vendor has just said that the linked account does not exist, and the person was to lose access to it. */
  readonly lost: boolean;
  /**
   * Without a link: the account under the person's identifier; null where there is none. For a person who is gone:
   * the account that had their identifier and may not be adopted.
   */
  readonly account: RemoteUser | null;
  /** That account is linked to another person, whom the directory still has. */
  readonly isTaken: boolean;
  readonly settings: CommonSettings;
  readonly storeName: string;
  /** Target attributes that keep an adopted account's own value until the directory's value changes. */
  readonly keptOnAdoption: readonly string[];
  /** Target attributes by which an account is found or signed in to. */
  readonly identityAttributes: readonly string[];
  /**
   * Target attributes that keep a value that the bridge did not write, unless `OVERWRITE_IDENTITY` says otherwise.
   */
  readonly foreignKept: readonly string[];
  /** The account is protected, linked or not. */
  readonly isProtected: boolean;
  /** Target attributes whose wanted value another account has, each with why it stays so. */
  readonly takenKeys: ReadonlyMap<string, string>;
  /** Target attributes that have a temporary value until the wanted one is free, each with the former value. */
  readonly temporary: ReadonlyMap<string, string | null>;
  /** Attributes whose wanted value is a protected name. */
  readonly namesProtected: readonly string[];
  /** The bridge made the account that was found, and the answer to the creation was lost. */
  readonly isOwn: boolean;
  /** The person is gone, and `REMOVE_AFTER_DAYS` have passed since their account was disabled. */
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

/** In words that follow the person's name. */
export const UNAPPROVED =
  "waits for an administrator's approval there, or is in a state that the bridge does not know";

/** Why a `locked` account lets nobody in. */
export function lockedBy({ awaitsApproval }: RemoteUser): 'locked' | 'unapproved' {
  return awaitsApproval ? 'unapproved' : 'locked';
}

/** Whether somebody has access, or may get it at any time. */
export function mayGiveAccess({ state, awaitsApproval }: RemoteUser): boolean {
  return state === 'enabled' || awaitsApproval === true;
}
