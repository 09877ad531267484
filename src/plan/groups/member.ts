/** The decision on one membership of a remote group: the table "Memberships" of docs/design.md. */

import type { Hold, Member } from '../../model/change.ts';
import type { Lifecycle } from '../../model/desired.ts';

export interface MemberSituation {
  readonly member: Member;
  /** The person is a member of at least one SCIM group that feeds the remote group. */
  readonly wanted: boolean;
  /** `unknown` where no link names the account's person. */
  readonly lifecycle: Lifecycle | 'unknown';
  /** `coming`: the plan for the person adopts, makes or enables it. */
  readonly account: 'none' | 'enabled' | 'disabled' | 'coming';
  readonly ledger: {
    readonly origin: 'added' | 'adopted' | 'foreign';
    readonly level: number | null;
    /** The level is lower than the bridge left it. */
    readonly lowered?: boolean;
    /** The membership may have gone when the account was disabled. */
    readonly doubted?: boolean;
  } | null;
  /** The level that a grant gives; null where the store has no levels. */
  readonly level: number | null;
  /** Why a grant waits for an admin. */
  readonly hold?: Hold;
  readonly overwrite: boolean;
  /** The SCIM group is gone, and no other one feeds the remote group. */
  readonly groupGone: boolean;
  readonly isProtected: boolean;
  /** The account is no person's: a bot, or a service. */
  readonly isMachine?: boolean;
}

export interface MemberDecision {
  readonly op: 'grant' | 'revoke' | 'none';
  /** The membership exists already: record it in the ledger as adopted. No call. */
  readonly take: boolean;
  /** Why a grant or a revoke that the directory wants is left undone. */
  readonly skipped?: { readonly op: 'grant' | 'revoke'; readonly reason: string };
}

export function decideMember(situation: MemberSituation): MemberDecision {
  return situation.wanted ? decideWanted(situation) : decideUnwanted(situation);
}

const NONE: MemberDecision = { op: 'none', take: false };

function decideWanted({ member, isProtected, ...situation }: MemberSituation): MemberDecision {
  if (isProtected) {
    const reason = `${member.display} has a protected account, whose memberships the bridge leaves alone`;
    return { ...NONE, skipped: { op: 'grant', reason } };
  }
  const { lifecycle, account, ledger, level } = situation;
  if (lifecycle !== 'active' || (account !== 'enabled' && account !== 'coming')) return NONE;
  if (!ledger) return { op: 'grant', take: false };
  const tooLow = level !== null && ledger.level !== null && ledger.level < level;
  return { op: tooLow || ledger.doubted ? 'grant' : 'none', take: ledger.origin === 'foreign' };
}

function decideUnwanted(situation: MemberSituation): MemberDecision {
  const { ledger, groupGone, overwrite, lifecycle, member } = situation;
  if (!ledger) return NONE;
  // An admin unlinked the account, so it is nobody's, and its memberships count as foreign now.
  const owned = ledger.origin !== 'foreign' && lifecycle !== 'unknown';
  if (!owned && (groupGone || !overwrite)) return NONE;
  if (!groupGone && lifecycle === 'gone') return NONE;
  if (!situation.isMachine && !situation.isProtected) return { op: 'revoke', take: false };
  const why = situation.isMachine
    ? 'is a service account or a bot and keeps the membership'
    : 'is a protected account and keeps the membership';
  const reason = `${member.display} ${why}`;
  return { ...NONE, skipped: { op: 'revoke', reason } };
}
