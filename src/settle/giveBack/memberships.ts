/**
 * Gives back memberships that a store took, where an admin wants them back. It runs before the group is planned, and
 * also where the SCIM group is gone and nothing feeds the remote group any more.
 */

import { accountsWantedBack, endGiveBack, wantedBack } from '../../db/brake/giveBacks.ts';
import type { LossRecord } from '../../db/brake/losses.ts';
import type { Db } from '../../db/open.ts';
import { forgetMembers, ledgerEntries } from '../../db/seen/ledger.ts';
import { groupLinksByRemoteId, userLinksByRemoteId } from '../../db/seen/links.ts';
import { membersAmong } from '../../db/seen/memberDifferences.ts';
import { changeKey, type MembershipChange } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import { type GiveBack, giveMembershipBack, type MembershipNow } from '../../plan/giveBack.ts';
import type { Attempt } from '../attempt.ts';
import { feedersOf } from '../groups/look.ts';
import { applyMemberships, type PlannedMemberships } from '../groups/memberChanges.ts';
import { groupGuard } from '../groups/protection.ts';
import { knownRefusals } from '../groups/refusedMembers.ts';
import { namesOfLink, protectorOf } from '../people/protection.ts';

interface Wanted extends LossRecord {
  readonly change: MembershipChange;
}

/** Throws the RemoteError of the vendor; the next attempt goes on with what is not given back by then. */
export async function giveBackToMembers(attempt: Attempt): Promise<void> {
  if (!attempt.task.givesBack) return;
  while (await giveSomeBack(attempt));
}

/** True where another look is needed, because some of these people were settled meanwhile. */
async function giveSomeBack(attempt: Attempt): Promise<boolean> {
  const plannedAt = attempt.claim.mark();
  const wanted = (await wantedBack(attempt.db, attempt.context.store.id, attempt.task.subject)).filter(
    (loss): loss is Wanted => loss.change.op === 'revoke',
  );
  for (const remoteId of new Set(wanted.map(({ change }) => change.remoteId))) {
    const losses = wanted.filter(({ change }) => change.remoteId === remoteId);
    if (await giveBackTo(attempt, remoteId, losses, plannedAt)) return true;
  }
  return false;
}

async function giveBackTo(
  attempt: Attempt,
  remoteId: string,
  wanted: readonly Wanted[],
  plannedAt: number,
): Promise<boolean> {
  const now = await membershipsNow(attempt, remoteId, wanted);
  const verdicts = wanted.map((loss) => [loss, giveMembershipBack(loss, now(loss))] as const);
  await attempt.record(async (tx) => {
    for (const [loss, back] of verdicts) if (back.verdict !== 'give') await end(tx, loss, back);
  });
  const toGive = verdicts.flatMap(([loss, back]) =>
    back.verdict === 'give' ? [{ loss, change: back.change }] : [],
  );
  // A membership that was taken, given back and taken again has a row for each time.
  const given = Map.groupBy(toGive, ({ change }) => changeKey(change));
  const grants = [...given.values()].flatMap(([first]) => first?.change ?? []);
  const losses = new Map([...given].map(([key, some]) => [key, some.map(({ loss }) => loss)]));
  return grants.length > 0 && (await grant(attempt, remoteId, { changes: grants, plannedAt }, losses));
}

/** Calls go in batches. Leavers may come in between, and then the rest is looked at again. */
async function grant(
  attempt: Attempt,
  remoteId: string,
  grants: PlannedMemberships,
  losses: ReadonlyMap<string, readonly Wanted[]>,
): Promise<boolean> {
  const { store } = attempt.context;
  const isFed = (await groupLinksByRemoteId(attempt.db, store.id, remoteId)).length > 0;
  const lossesOf = (key: string) => losses.get(key) ?? [];
  try {
    const group = { remoteGroupId: remoteId, known: await knownRefusals(attempt, remoteId) };
    const { refused, gaveWay, recordLast } = await applyMemberships(attempt, group, grants, {
      onDone: async (tx, change) => {
        for (const loss of lossesOf(changeKey(change))) await end(tx, loss, { verdict: 'given' });
        // No SCIM group feeds this remote group, so the ledger keeps nothing of it.
        if (!isFed) await forgetMembers(tx, store.id, remoteId, [change.member.remoteId]);
      },
      why: (change) => `given back by ${lossesOf(changeKey(change))[0]?.undoBy}`,
    });
    await attempt.record(async (tx) => {
      await recordLast?.(tx);
      for (const [key, { reason }] of refused)
        for (const loss of lossesOf(key)) await end(tx, loss, { verdict: 'impossible', reason });
      await attempt.forgetIntent(tx);
    });
    return gaveWay;
  } catch (error) {
    if (!(error instanceof RemoteError) || error.disposition !== 'missing') throw error;
    const reason = `the group is not there any more: ${error.message}`;
    await attempt.record(async (tx) => {
      for (const loss of [...losses.values()].flat()) await end(tx, loss, { verdict: 'impossible', reason });
      await attempt.forgetIntent(tx);
    });
    return false;
  }
}

async function end(tx: Db, loss: LossRecord, back: GiveBack): Promise<void> {
  if (back.verdict === 'given') await endGiveBack(tx, [loss.id], 'undone', loss.reason);
  else if (back.verdict === 'moved' || back.verdict === 'impossible')
    await endGiveBack(tx, [loss.id], back.verdict, back.reason);
}

async function membershipsNow(
  attempt: Attempt,
  remoteId: string,
  wanted: readonly Wanted[],
): Promise<(loss: Wanted) => MembershipNow> {
  const { db, context } = attempt;
  const storeId = context.store.id;
  const accounts = wanted.map(({ change }) => change.member.remoteId);
  const people = wanted.flatMap(({ change }) => change.member.personId ?? []);
  // Read before the links: the links then show what giving back made of those who are not coming any more.
  const coming = await accountsWantedBack(db, storeId, people);
  const members = await ledgerEntries(db, storeId, remoteId, accounts);
  const links = await userLinksByRemoteId(db, storeId, accounts);
  const feeding = (await feedersOf(attempt, [remoteId])).get(remoteId)?.feeding ?? [];
  const wantedBySomeGroup = await membersAmong(
    db,
    feeding.map(({ groupId }) => groupId),
    people,
  );
  const protect = await protectorOf(db, context, accounts);
  const guard = await groupGuard(attempt, [remoteId]);
  const [fed] = await groupLinksByRemoteId(db, storeId, remoteId);
  const isGroupProtected = guard({ remoteId, names: fed ? [fed.remoteName] : [], isOwn: true }) !== null;
  return ({ change: { member } }) => {
    const link = links.get(member.remoteId);
    // An account without a link has not changed, as far as the bridge knows.
    const isUsable = link ? link.state === 'enabled' || link.state === 'invited' : member.personId === null;
    return {
      wanted: member.personId !== null && wantedBySomeGroup.has(member.personId),
      isMember: members.has(member.remoteId),
      account: isUsable ? 'enabled' : link ? 'disabled' : 'none',
      isComing: member.personId !== null && coming.has(member.personId),
      isGroupProtected,
      isProtected: protect(member.remoteId, link ? namesOfLink(context, link) : [member.display]) !== null,
    };
  };
}
