/** Settles one SCIM group on one store: the remote group first, then its memberships, then a deletion. */

import type { Db } from '../../db/open.ts';
import { enqueueTask } from '../../db/queue/enqueue.ts';
import { saveWalked } from '../../db/seen/knownGroups.ts';
import { forgetGroup, ownsMembers } from '../../db/seen/ledger.ts';
import { deleteLink, getLink, groupLinksByRemoteId, type LinkRecord } from '../../db/seen/links.ts';
import { forgetObservation } from '../../db/seen/observations.ts';
import type { Delete } from '../../model/change.ts';
import { RemoteError } from '../../model/errors.ts';
import { planGroup } from '../../plan/groups/group.ts';
import type { Attempt } from '../attempt.ts';
import { openGate, openHarmlessGate, tickOffApplied } from '../gate/gate.ts';
import { LOSS_OF_MEMBER } from '../gate/taken.ts';
import { giveBackToMembers } from '../giveBack/memberships.ts';
import { releaseKeys } from '../keys/holders.ts';
import { conclude, type Outcome } from '../outcome.ts';
import { recoverMembers } from '../recovery/members.ts';
import { forbiddenAsSkip } from '../refusal.ts';
import { applyRepairs } from '../repairs.ts';
import { followMembers } from '../scopeMoves.ts';
import { whyGroupGone } from '../why.ts';
import { lookAtGroup } from './asked.ts';
import type { GroupFacts } from './look.ts';
import { readMembers, whyUnread } from './members.ts';
import { isShownAgain, waitUntilShown } from './notShown.ts';
import { type Leftovers, shapeRemoteGroup, split } from './remoteGroup.ts';
import { settleMemberships } from './settleMemberships.ts';

/** Somebody may make a group of the same name meanwhile; then the bridge looks for it once more. */
const PASSES_MAX = 2;

/** Throws the RemoteError of the vendor where another look would not help. */
export async function settleGroup(attempt: Attempt): Promise<void> {
  await followMembers(attempt);
  for (let pass = 1; ; pass++) {
    try {
      return await attemptGroup(attempt);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      if (error.disposition === 'missing') return findInItsPlace(attempt, error);
      if (error.disposition !== 'conflict' || pass === PASSES_MAX) throw error;
      await attempt.withdrawIntent();
      attempt.unknownOutcome = true;
    }
  }
}

/**
 * The vendor does not show the remote group. The bridge looks for it once more, or makes it. Where that fails, it
 * still owes what is to be done there.
 */
async function findInItsPlace(attempt: Attempt, error: RemoteError | null): Promise<void> {
  const former = await getLink(attempt.db, attempt.context.store.id, attempt.task.subject);
  if (!former) throw error ?? new Error('a group without a link cannot be missing');
  const facts = await lookAtGroup(attempt, new Map());
  const plan = planGroup(facts);
  if (facts.desired.lifecycle === 'gone' && !(await ownsMembers(attempt.db, former.storeId, former.remoteId)))
    return keepRemote(attempt, former);
  const isOther = facts.found === null || facts.found.remoteId !== former.remoteId;
  if (!isOther || plan.changes.length === 0) return waitUntilShown(attempt, former, error);
  try {
    if (facts.repairs.length > 0) await attempt.record((tx) => applyRepairs(tx, attempt, facts.repairs));
    const shaped = await shapeRemoteGroup(attempt, { ...facts, former }, plan.changes);
    if (shaped.link === null) return await waitUntilShown(attempt, former, error);
    const left = { ...shaped, skipped: [...plan.skipped, ...shaped.skipped] };
    await settleLinked(attempt, { facts, link: shaped.link, removal: null, left });
  } catch (second) {
    // Where the vendor refuses the name as taken, the group is there and hidden.
    const isRefused =
      second instanceof RemoteError && ['rejected', 'conflict', 'missing'].includes(second.disposition);
    if (!isRefused) throw second;
    await waitUntilShown(attempt, former, error ?? second);
  }
}

async function attemptGroup(attempt: Attempt): Promise<void> {
  const facts = await lookAtGroup(attempt);
  const isEnding = attempt.context.store.status === 'DELETING';
  if (facts.leftAlone !== null && !isEnding) return leaveAlone(attempt, facts);
  const missing = facts.record?.missingSince ? facts.record : null;
  if (missing && !(await isShownAgain(attempt, missing))) return findInItsPlace(attempt, null);
  if (missing) return attemptGroup(attempt);
  if (facts.repairs.length > 0) await attempt.record((tx) => applyRepairs(tx, attempt, facts.repairs));
  // What an earlier attempt did is the bridge's and belongs in the audit log, whatever the directory wants now.
  const record = attempt.unknownOutcome && facts.record ? await readAll(attempt, facts.record) : facts.record;
  // A store that is being deleted takes access from its people only. Its groups stay, with their members.
  if (isEnding) return finish(attempt, NOTHING_LEFT);
  await giveBackToMembers(attempt);
  if (facts.desired.keepRemote) return keepRemote(attempt, record);
  const plan = planGroup(facts);
  const { shaping, removal } = split(plan);
  const shaped = await shapeRemoteGroup(attempt, { ...facts, link: record }, shaping);
  const left = { ...shaped, skipped: [...plan.skipped, ...shaped.skipped] };
  if (shaped.link === null || attempt.context.settings.groupProvisioning === 'Off')
    return finish(attempt, { heldReasons: [], ...left, forgotten: facts.desired.lifecycle === 'gone' });
  await settleLinked(attempt, { facts, link: shaped.link, removal, left });
}

/** Does nothing with a protected remote group, and drops what was held of it. */
async function leaveAlone(attempt: Attempt, facts: GroupFacts): Promise<void> {
  const { record } = facts;
  if (facts.repairs.length > 0) await attempt.record((tx) => applyRepairs(tx, attempt, facts.repairs));
  if (attempt.unknownOutcome && record) await readAll(attempt, record);
  await giveBackToMembers(attempt);
  await openGate(attempt, [], LOSS_OF_MEMBER);
  const gone = facts.desired.lifecycle === 'gone';
  const { skipped } = planGroup(facts);
  if (!gone || record === null) return finish(attempt, { heldReasons: [], skipped, forgotten: gone });
  const left = { skipped, refusals: [], waiting: [], keyWaits: { known: facts.keyWaits, now: [] } };
  await detach(attempt, { facts, link: record, removal: null, left }, { heldReasons: [], ...left });
}

const NOTHING_LEFT: Outcome = { heldReasons: [], skipped: [], forgotten: true };

/** The remote group stays as it is. A link can only exist if it was made while the connection was being deleted. */
function keepRemote(attempt: Attempt, link: LinkRecord | null): Promise<void> {
  return attempt.recordEnd(async (tx, standing) => {
    if (link) await detachLink(tx, attempt, link);
    await conclude(tx, attempt, NOTHING_LEFT, standing);
  });
}

async function finish(attempt: Attempt, outcome: Outcome): Promise<void> {
  await attempt.recordEnd((tx, standing) => conclude(tx, attempt, outcome, standing));
}

async function readAll(attempt: Attempt, link: LinkRecord): Promise<LinkRecord> {
  const unseen = await readMembers(attempt, link, attempt.looking('members'), true).catch((error) => {
    throw isRefusal(error) ? membersUnreadable(attempt, link, error) : error;
  });
  await recoverMembers(attempt, link, unseen);
  return { ...link, membersReadAt: attempt.now() };
}

function isRefusal(error: unknown): error is RemoteError {
  return error instanceof RemoteError && ['forbidden', 'rejected'].includes(error.disposition);
}

function membersUnreadable(
  { context }: Attempt,
  { remoteName }: LinkRecord,
  error: RemoteError,
): RemoteError {
  return new RemoteError(whyUnread(context, remoteName, error), error);
}

interface Shaped {
  readonly facts: GroupFacts;
  readonly link: LinkRecord;
  readonly removal: Delete<'group'> | null;
  readonly left: Leftovers;
}

async function settleLinked(attempt: Attempt, shaped: Shaped): Promise<void> {
  const { facts, left } = shaped;
  const { store } = attempt.context;
  const isAsLooked = facts.repairs.length === 0 && facts.link?.id === shaped.link.id;
  if (!isAsLooked || !facts.isPrimaryFeeder) {
    const [primary] = await groupLinksByRemoteId(attempt.db, store.id, shaped.link.remoteId);
    if (primary && primary.id !== shaped.link.id) return passOn(attempt, primary, shaped);
  }
  const link = shaped.link.membersReadAt === null ? await readAll(attempt, shaped.link) : shaped.link;
  const members = await settleMemberships(attempt, facts.desired, link, isAsLooked ? facts : null);
  const outcome = {
    ...left,
    heldReasons: members.heldReasons,
    skipped: [...left.skipped, ...members.skipped],
    refusals: [...left.refusals, ...members.refusals],
    owedSince: members.owedSince,
  };
  const { recordLast } = members;
  if (facts.desired.lifecycle !== 'active' && !members.waiting) {
    if (recordLast)
      await attempt.record(async (tx) => {
        await recordLast(tx);
        await attempt.forgetIntent(tx);
      });
    return detach(attempt, shaped, outcome);
  }
  await attempt.recordEnd(async (tx, standing) => {
    await recordLast?.(tx, standing);
    if (members.wasWalked) await saveWalked(tx, link.id, store.contextVersion);
    await conclude(tx, attempt, outcome, standing);
  });
}

/**
 * Several SCIM groups feed the remote group: hands the work to its primary feeder, the one that was linked first. So
 * what is held or discarded of its memberships is recorded once, whichever of the groups changed.
 */
async function passOn(attempt: Attempt, primary: LinkRecord, { facts, link, left }: Shaped): Promise<void> {
  const gone = facts.desired.lifecycle === 'gone';
  await attempt.recordEnd(async (tx, standing) => {
    if (gone) await detachLink(tx, attempt, link);
    await enqueueAgain(tx, attempt, primary.subject, gone ? null : attempt.task.changedMembers);
    await conclude(tx, attempt, { heldReasons: [], ...left, forgotten: gone }, standing);
    if (facts.desired.remapped) await enqueueAgain(tx, attempt);
  });
}

async function detachLink(tx: Db, attempt: Attempt, link: LinkRecord): Promise<void> {
  await deleteLink(tx, link.id);
  await attempt.event(tx, {
    kind: 'group.detached',
    outcome: 'success',
    subject: { ...attempt.task.subject, display: link.remoteName },
    reason: await whyGroupGone(tx, attempt.context, attempt.task.subject.id),
  });
}

/**
 * The group is gone and nothing of it is left to settle. Where only its mapping changed, it looks for its new remote
 * group at once.
 */
async function detach(attempt: Attempt, { facts, link, removal }: Shaped, outcome: Outcome): Promise<void> {
  const { store, connector } = attempt.context;
  const { calls, callContext } = attempt.calling('delete');
  const gate = await openHarmlessGate(attempt, removal ? [removal] : []);
  if (gate.skipped.length > 0)
    return finish(attempt, { ...outcome, skipped: [...outcome.skipped, ...gate.skipped] });
  if (removal) {
    try {
      await connector.apply(removal, callContext);
    } catch (error) {
      const refused = await forbiddenAsSkip(attempt, removal, calls, error);
      return finish(attempt, { ...outcome, refusals: [refused] });
    }
  }
  await attempt.recordEnd(async (tx, standing) => {
    const feeders = await groupLinksByRemoteId(tx, store.id, link.remoteId);
    if (feeders.length === 1) await forgetGroup(tx, store.id, link.remoteId);
    if (removal) await releaseKeys(tx, attempt, link);
    await detachLink(tx, attempt, link);
    if (removal) {
      await forgetObservation(tx, store.id, 'group', link.remoteId);
      await attempt.changeEvent(tx, removal, { calls });
      await tickOffApplied(tx, attempt, gate, removal);
    }
    await conclude(tx, attempt, { ...outcome, forgotten: true }, standing);
    if (facts.desired.remapped) await enqueueAgain(tx, attempt);
  });
}

/** `people`: those whose memberships changed; null where anybody's may have. */
function enqueueAgain(
  tx: Db,
  attempt: Attempt,
  subject = attempt.task.subject,
  people: readonly string[] | null = null,
): Promise<void> {
  return enqueueTask(tx, attempt.context.store.id, {
    environmentId: attempt.task.environmentId,
    subject,
    priority: attempt.task.priority,
    correlationIds: attempt.task.causes,
    at: attempt.now(),
    people,
  });
}
