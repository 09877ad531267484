/**
 * The plan for the memberships of one remote group: the table "Memberships" of docs/design.md, for every account that
 * is a member or should be. Grants come before revokes.
 */

import type { MembershipChange, Skip } from '../../model/change.ts';
import { decideMember, type MemberSituation } from './member.ts';

export interface MembershipPlan {
  readonly changes: readonly MembershipChange[];
  /** Grants to people whose accounts the same plan adopts, makes or enables: they come after that. */
  readonly later: readonly MembershipChange[];
  readonly skipped: readonly Skip[];
  /** Wanted memberships that exist already, to be recorded as adopted. */
  readonly taken: readonly MemberSituation[];
  /** Remote ids of accounts that lose a membership which the bridge neither added nor adopted. */
  readonly foreign: ReadonlySet<string>;
  /** Remote ids of accounts whose level somebody lowered by hand; a grant raises it again. */
  readonly lowered: ReadonlySet<string>;
}

/** `remoteId`: the remote group's; '' while nobody has made it. Of several rows of one account, the first counts. */
export function planMembers(
  subject: MembershipChange['subject'],
  remoteId: string,
  rows: readonly MemberSituation[],
): MembershipPlan {
  const grants = new Map<string, MembershipChange>();
  const later = new Map<string, MembershipChange>();
  const revokes: MembershipChange[] = [];
  const skipped: Skip[] = [];
  const taken: MemberSituation[] = [];
  const foreign = new Set<string>();
  const lowered = new Set<string>();
  for (const row of rows) {
    const { member, account, ledger, hold } = row;
    const { op, take, skipped: left } = decideMember(row);
    if (take && account === 'enabled') taken.push(row);
    if (op === 'grant') {
      if (ledger?.lowered && ledger.origin !== 'foreign') lowered.add(member.remoteId);
      const bucket = account === 'coming' ? later : grants;
      const key = member.personId ?? member.remoteId;
      if (!bucket.has(key)) bucket.set(key, { op, subject, remoteId, member, ...(hold ? { hold } : {}) });
    }
    if (op === 'revoke') {
      revokes.push({ op, subject, remoteId, member });
      if (ledger?.origin === 'foreign') foreign.add(member.remoteId);
    }
    if (left) skipped.push({ ...left, subject, status: 'partiallySynced' });
  }
  return {
    changes: [...grants.values(), ...revokes],
    later: [...later.values()],
    skipped,
    taken,
    foreign,
    lowered,
  };
}
