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
import { type Settled, settle } from '../outcome.ts';
import { countOthersMovedOut } from '../scopeMoves.ts';
import { putOffCreation } from '../seats.ts';
import { countsRemoval, isCountRight } from '../situation.ts';
import { Application, enqueueGroupsOf, groupsFollow, type UserChange } from './userChanges.ts';
import { forgetVanished, situate } from './userLook.ts';

/** Looks again after a conflict or a vanished account; more than that is no accident. */
const PASSES_MAX = 3;

export async function settleUser(run: Attempt): Promise<void> {
  for (let pass = 1; ; pass++) {
    try {
      return await settleOnce(run);
    } catch (error) {
      if (!(error instanceof RemoteError) || pass === PASSES_MAX || !(await isRetryable(run, error)))
        throw error;
    }
  }
}

/** True where another look can settle it: somebody has the identifier, or the account vanished. */
async function isRetryable(run: Attempt, error: RemoteError): Promise<boolean> {
  if (error.disposition === 'conflict') {
    await run.takeBack();
    run.doubt = true;
    return true;
  }
  if (error.disposition !== 'missing') return false;
  const link = await getLink(run.deps.db, run.view.store.id, run.task.subject);
  if (!link) return false;
  await forgetVanished(run, link);
  return true;
}

async function settleOnce(run: Attempt): Promise<void> {
  const { link, situation, taken } = await situate(run);
  const { desired } = situation;
  const plan = taken ? { changes: [], skipped: [taken] } : planUser(situation);
  if (await putOffCreation(run, plan.changes)) return;
  if (desired.outOfScope && plan.changes.some(isLoss)) await countOthersMovedOut(run);
  const gate = await openGate(run, plan.changes, {
    personKey: () => desired.id,
    desired: () => desired.lifecycle,
  });
  const settled: Settled = {
    heldReasons: gate.heldReasons,
    skipped: [...plan.skipped, ...gate.skipped],
    forgotten: desired.lifecycle === 'gone',
    leaving: {
      lifecycle: desired.lifecycle,
      hadAccess: isUsable(link?.state ?? situation.account?.state),
      waits: gate.lossWaits,
    },
  };
  const changes = gate.allowed as readonly UserChange[];
  const work = new Application(run, situation, gate, link);
  for (const [index, change] of changes.entries()) {
    const refused = await work.apply(change, index === changes.length - 1 ? settled : null);
    if (!refused) continue;
    await run.record(async (tx) => {
      const said = await settle(tx, run, { ...settled, refusals: [refused] });
      if (groupsFollow(run, desired, said)) await enqueueGroupsOf(tx, run, link?.remoteId);
    });
    return;
  }
  if (changes.length > 0) return;
  const verified = gate.heldReasons.length > 0 ? {} : await verifyLeaver(run, desired, link);
  await run.record(async (tx) => {
    if (link) await keepCount(tx, run, link, desired);
    const said = await settle(tx, run, {
      ...settled,
      skipped: [...settled.skipped, ...(verified.skipped ?? [])],
      leaving: { ...(settled.leaving as Leaving), ...verified.leaving },
    });
    if (groupsFollow(run, desired, said)) await enqueueGroupsOf(tx, run, link?.remoteId);
  });
}

function isUsable(state: string | undefined): boolean {
  return state === 'enabled' || state === 'invited';
}

async function keepCount(tx: Db, run: Attempt, link: LinkRecord, desired: DesiredUser): Promise<void> {
  if (isCountRight(link, desired)) return;
  await setRemovalSince(tx, link.id, countsRemoval(link, desired) ? run.now() : null);
}
