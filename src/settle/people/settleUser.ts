import type { Db } from '../../db/open.ts';
import { setRemovalSince } from '../../db/queue/removals.ts';
import { getLink, type LinkRecord } from '../../db/seen/links.ts';
import { isLoss } from '../../model/change.ts';
import type { DesiredUser } from '../../model/desired.ts';
import { RemoteError } from '../../model/errors.ts';
import { planUser } from '../../plan/user.ts';
import type { Attempt } from '../attempt.ts';
import { openGate } from '../gate.ts';
import { type Leaving, verifyLeaver } from '../leavers.ts';
import { conclude, type Outcome } from '../outcome.ts';
import { countOthersMovedOut } from '../scopeMoves.ts';
import { putOffCreation } from '../seats.ts';
import { countsRemoval, isCountRight } from '../situation.ts';
import { Application, enqueueGroupsOf, groupsFollow } from './userChanges.ts';
import { forgetVanished, situate } from './userLook.ts';

/** Looks again after a conflict or a vanished account; more than that is no accident. */
const PASSES_MAX = 3;

export async function settleUser(attempt: Attempt): Promise<void> {
  for (let pass = 1; ; pass++) {
    try {
      return await settleOnce(attempt);
    } catch (error) {
      if (!(error instanceof RemoteError) || pass === PASSES_MAX || !(await isRetryable(attempt, error)))
        throw error;
    }
  }
}

/** True where another look can settle it: somebody has the identifier, or the account vanished. */
async function isRetryable(attempt: Attempt, error: RemoteError): Promise<boolean> {
  if (error.disposition === 'conflict') {
    await attempt.withdrawIntent();
    attempt.unknownOutcome = true;
    return true;
  }
  if (error.disposition !== 'missing') return false;
  const link = await getLink(attempt.deps.db, attempt.context.store.id, attempt.task.subject);
  if (!link) return false;
  await forgetVanished(attempt, link);
  return true;
}

async function settleOnce(attempt: Attempt): Promise<void> {
  const { link, situation, taken } = await situate(attempt);
  const { desired } = situation;
  const plan = taken ? { changes: [], skipped: [taken] } : planUser(situation);
  if (await putOffCreation(attempt, plan.changes)) return;
  if (desired.outOfScope && plan.changes.some(isLoss)) await countOthersMovedOut(attempt);
  const gate = await openGate(attempt, plan.changes, {
    personKey: () => desired.id,
    desired: () => desired.lifecycle,
  });
  const outcome: Outcome = {
    heldReasons: gate.heldReasons,
    skipped: [...plan.skipped, ...gate.skipped],
    forgotten: desired.lifecycle === 'gone',
    leaving: {
      lifecycle: desired.lifecycle,
      hadAccess: isUsable(link?.state ?? situation.account?.state),
      waits: gate.lossWaits,
    },
  };
  const changes = gate.allowed;
  const work = new Application(attempt, situation, gate, link);
  for (const [index, change] of changes.entries()) {
    const refused = await work.apply(change, index === changes.length - 1 ? outcome : null);
    if (!refused) continue;
    await attempt.record(async (tx) => {
      const said = await conclude(tx, attempt, { ...outcome, refusals: [refused] });
      if (groupsFollow(attempt, desired, said)) await enqueueGroupsOf(tx, attempt, link?.remoteId);
    });
    return;
  }
  if (changes.length > 0) return;
  const verified = gate.heldReasons.length > 0 ? {} : await verifyLeaver(attempt, desired, link);
  await attempt.record(async (tx) => {
    if (link) await keepCount(tx, attempt, link, desired);
    const said = await conclude(tx, attempt, {
      ...outcome,
      skipped: [...outcome.skipped, ...(verified.skipped ?? [])],
      leaving: { ...(outcome.leaving as Leaving), ...verified.leaving },
    });
    if (groupsFollow(attempt, desired, said)) await enqueueGroupsOf(tx, attempt, link?.remoteId);
  });
}

function isUsable(state: string | undefined): boolean {
  return state === 'enabled' || state === 'invited';
}

async function keepCount(tx: Db, attempt: Attempt, link: LinkRecord, desired: DesiredUser): Promise<void> {
  if (isCountRight(link, desired)) return;
  await setRemovalSince(tx, link.id, countsRemoval(link, desired) ? attempt.now() : null);
}
