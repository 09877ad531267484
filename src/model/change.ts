/** One operation on a store, as a plan lists it and a connector executes it. */

import type { Attributes } from './desired.ts';
import type { Subject } from './subject.ts';

export interface AttributeChange {
  readonly name: string;
  /** What the bridge last applied or observed; null where neither is known. */
  readonly from: string | null;
  readonly to: string;
}

export interface Member {
  /** The person behind the account; null for an account that no link knows (`Overwrite` only). */
  readonly personId: string | null;
  readonly remoteId: string;
  readonly display: string;
  /** GitLab's numeric access level; null where the store has no levels. */
  readonly level: number | null;
}

interface Base {
  readonly subject: Subject & { readonly display: string };
}

export type Change =
  | (Base & { readonly op: 'create'; readonly attributes: Attributes; readonly identifier: string })
  /** Takes an account or group that is already there into the link. No vendor call. */
  | (Base & { readonly op: 'adopt'; readonly remoteId: string })
  | (Base & {
      readonly op: 'update';
      readonly remoteId: string;
      readonly attributes: readonly AttributeChange[];
    })
  | (Base & { readonly op: 'enable' | 'disable' | 'delete'; readonly remoteId: string })
  /** `remoteId` is the remote group's. */
  | (Base & { readonly op: 'grant' | 'revoke'; readonly remoteId: string; readonly member: Member });

export type Op = Change['op'];
export type MembershipChange = Extract<Change, { op: 'grant' | 'revoke' }>;

/** Operations that take something from a person; the brake counts the people who suffer one. */
export function isLoss(change: Change): boolean {
  return change.op === 'disable' || change.op === 'delete' || change.op === 'revoke';
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
  readonly subject: Subject & { readonly display: string };
  readonly reason: string;
  /** The status the subject has because of it. */
  readonly status: 'unsynced' | 'partiallySynced';
}

export interface Plan {
  readonly changes: readonly Change[];
  readonly skipped: readonly Skip[];
}
