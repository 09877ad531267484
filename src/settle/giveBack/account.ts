/**
 * Gives back what a store took from a person's account, where an admin wants it back. It runs before the plan; the
 * decision is in the database, and what is found done is not done again.
 */

import { accountsWantedBack, endGiveBack, groupsWantedBack, wantedBack } from '../../db/brake/giveBacks.ts';
import type { LossRecord } from '../../db/brake/losses.ts';
import type { Db } from '../../db/open.ts';
import { closingLeaver } from '../../db/queue/leavers.ts';
import { send } from '../../db/transaction.ts';
import type { RemoteError } from '../../model/errors.ts';
import { type AccountChange, type GiveBack, giveAccountBack } from '../../plan/giveBack.ts';
import type { Attempt } from '../attempt.ts';
import { openGiveBackGate } from '../gate/gate.ts';
import { lookAtPerson } from '../people/asked.ts';
import { enqueueGroup, enqueueGroupsOf } from '../people/groupsOf.ts';
import { writeLink } from '../people/linkWrites.ts';
import type { PersonFacts } from '../people/look.ts';
import { forbiddenAsSkip } from '../refusal.ts';

/**
 * Throws the RemoteError of the vendor; the next attempt goes on with what is not given back by then. `sent`: the
 * error of an earlier write, where the caller only wants to know how that ended.
 */
export async function giveBackToPerson(attempt: Attempt, sent?: RemoteError): Promise<void> {
  if (!attempt.task.givesBack) return;
  const { store } = attempt.context;
  const wanted = await wantedBack(attempt.db, store.id, attempt.task.subject);
  for (const loss of accountFirst(wanted)) {
    const facts = await lookAtPerson(attempt);
    const back = giveAccountBack(loss, facts);
    if (back.verdict === 'give' && sent) throw sent;
    if (back.verdict === 'give') await give(attempt, facts, loss, back.change);
    else await attempt.record((tx) => end(tx, attempt, loss, back));
  }
}

/** Puts updates last: the vendor does not update a disabled account. */
function accountFirst(losses: readonly LossRecord[]): readonly LossRecord[] {
  const isUpdate = ({ change }: LossRecord) => change.op === 'update';
  return [...losses.filter((loss) => !isUpdate(loss)), ...losses.filter(isUpdate)];
}

async function give(
  attempt: Attempt,
  facts: PersonFacts,
  loss: LossRecord,
  change: AccountChange,
): Promise<void> {
  await openGiveBackGate(attempt, change, facts.repairs);
  const { calls, callContext } = attempt.calling(change.op);
  try {
    const applied = await attempt.context.connector.apply(change, callContext);
    await attempt.record(async (tx) => {
      const link = await writeLink(tx, attempt, facts, { change, applied, calls, link: facts.record }, null);
      await attempt.forgetIntent(tx);
      const reason = `given back by ${loss.undoBy}`;
      await attempt.changeEvent(tx, change, { calls, reason, after: { remoteId: link.remoteId } });
      if (change.op === 'enable') await enqueueGroupsOf(tx, attempt, link.remoteId);
      await end(tx, attempt, loss, { verdict: 'given' });
    });
  } catch (error) {
    const { reason } = await forbiddenAsSkip(attempt, change, calls, error);
    await attempt.record(async (tx) => {
      await attempt.forgetIntent(tx);
      await end(tx, attempt, loss, { verdict: 'impossible', reason });
    });
  }
}

async function end(tx: Db, attempt: Attempt, loss: LossRecord, back: GiveBack): Promise<void> {
  const { id: storeId } = attempt.context.store;
  const personId = attempt.task.subject.id;
  if (back.verdict === 'given') {
    await endGiveBack(tx, [loss.id], 'undone', loss.reason);
    await send(tx, [closingLeaver(storeId, personId)]);
  } else if (back.verdict === 'moved' || back.verdict === 'impossible')
    await endGiveBack(tx, [loss.id], back.verdict, back.reason);
  // The memberships waited for the account, or for the news that it does not come back.
  if ((await accountsWantedBack(tx, storeId, [personId])).size > 0) return;
  for (const groupId of await groupsWantedBack(tx, storeId, personId))
    await enqueueGroup(tx, attempt, groupId);
}
