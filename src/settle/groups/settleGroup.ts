/** Settles one SCIM group on one store: the remote group first, then its memberships, then a deletion. */

import type { Db } from '../../db/open.ts';
import { enqueueTask } from '../../db/queue/tasks.ts';
import { forgetGroup, recordMembers } from '../../db/seen/ledger.ts';
import { deleteLink, getLink, groupLinksByRemoteId, type LinkRecord } from '../../db/seen/links.ts';
import { forgetObservation } from '../../db/seen/observations.ts';
import { changeKey, type Delete } from '../../model/change.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import { RemoteError } from '../../model/errors.ts';
import { loadDesiredGroup } from '../../stores/desired.ts';
import type { Attempt } from '../attempt.ts';
import { openGate, openHarmlessGate, tickOff } from '../gate.ts';
import { conclude, type Outcome } from '../outcome.ts';
import { forbiddenAsSkip, type Refusal } from '../refusal.ts';
import { followMembers } from '../scopeMoves.ts';
import { whyGroupGone } from '../why.ts';
import { linkOfGroup } from './groupLook.ts';
import { applyMemberships, claimFound } from './memberChanges.ts';
import { feedingGroups, planMemberships, readMembers } from './members.ts';
import { findRemoteGroup, type Leftovers, planRemoteGroup, shape, split } from './remoteGroup.ts';

/** A vanished group is looked for, or made, once more. */
const PASSES_MAX = 2;

export async function settleGroup(attempt: Attempt): Promise<void> {
  await followMembers(attempt);
  for (let pass = 1; ; pass++) {
    try {
      return await settleOnce(attempt);
    } catch (error) {
      if (!(error instanceof RemoteError) || pass === PASSES_MAX) throw error;
      if (error.disposition === 'missing') await forgetVanished(attempt, error);
      else if (error.disposition === 'conflict') await attempt.withdrawIntent();
      else throw error;
      attempt.unknownOutcome = true;
    }
  }
}

async function settleOnce(attempt: Attempt): Promise<void> {
  const linked = await linkOfGroup(attempt);
  // Whatever is wanted now: what an earlier attempt did is the bridge's, and belongs in the audit log.
  const known = linked && attempt.unknownOutcome ? await lookAtMembers(attempt, linked) : linked;
  // A store that is being deleted deprovisions its people; groups and what is in them stay.
  if (attempt.context.store.status === 'DELETING')
    return finish(attempt, { heldReasons: [], skipped: [], forgotten: true });
  const desired = await loadDesiredGroup(attempt.deps.db, attempt.context, attempt.task.subject.id, known);
  if (desired.keepRemote) return keepRemote(attempt, known);
  const siblings = known
    ? await groupLinksByRemoteId(attempt.deps.db, attempt.context.store.id, known.remoteId)
    : [];
  const found = await findRemoteGroup(attempt, desired, known);
  const plan = planRemoteGroup(attempt, desired, known, siblings, found);
  const [removal, shaping] = split(plan);
  const shaped = await shape(attempt, { desired, link: known, found }, shaping);
  const { link } = shaped;
  const left = { skipped: [...plan.skipped, ...shaped.skipped], refusals: shaped.refusals };
  if (link === null || attempt.context.settings.groupProvisioning === 'Off') {
    return finish(attempt, {
      heldReasons: [],
      ...left,
      forgotten: desired.lifecycle === 'gone',
    });
  }
  const [speaker] = await groupLinksByRemoteId(attempt.deps.db, attempt.context.store.id, link.remoteId);
  if (speaker && speaker.id !== link.id) return passOn(attempt, speaker, { desired, link, removal, left });
  await settleMembers(attempt, { desired, link, removal, left });
}

/** What it fed stays as it is. A link can only be one that was made while the connection went. */
function keepRemote(attempt: Attempt, link: LinkRecord | null): Promise<void> {
  return attempt.record(async (tx) => {
    if (link) await detachLink(tx, attempt, link);
    await conclude(tx, attempt, { heldReasons: [], skipped: [], forgotten: true });
  });
}

/**
 * Where several SCIM groups feed a remote group, the one that was linked first speaks for all: what is held
 * of the union, or discarded, is then known once, whichever of them is written to.
 */
async function passOn(attempt: Attempt, speaker: LinkRecord, { desired, link, left }: Shaped): Promise<void> {
  const gone = desired.lifecycle === 'gone';
  await attempt.record(async (tx) => {
    if (gone) await detachLink(tx, attempt, link);
    await enqueueTask(tx, attempt.context.store.id, {
      environmentId: attempt.task.environmentId,
      subject: speaker.subject,
      priority: attempt.task.priority,
      correlationIds: attempt.task.causes,
      at: attempt.now(),
    });
    await conclude(tx, attempt, { heldReasons: [], ...left, forgotten: gone });
    if (desired.remapped) await enqueueAgain(tx, attempt);
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

async function finish(attempt: Attempt, outcome: Outcome): Promise<void> {
  await attempt.record((tx) => conclude(tx, attempt, outcome));
}

interface Shaped {
  readonly desired: DesiredGroup;
  readonly link: LinkRecord;
  readonly removal: Delete<'group'> | null;
  readonly left: Leftovers;
}

async function settleMembers(attempt: Attempt, shaped: Shaped): Promise<void> {
  const { desired, left } = shaped;
  const link = shaped.link.membersReadAt === null ? await lookAtMembers(attempt, shaped.link) : shaped.link;
  const members = await settleMemberships(attempt, desired, link);
  const outcome = {
    heldReasons: members.heldReasons,
    skipped: [...left.skipped, ...members.skipped],
    refusals: [...left.refusals, ...members.refusals],
  };
  if (desired.lifecycle === 'active' || members.waiting) return finish(attempt, outcome);
  await detach(attempt, shaped, outcome);
}

async function lookAtMembers(attempt: Attempt, link: LinkRecord): Promise<LinkRecord> {
  const unseen = await readMembers(attempt, link, attempt.looking('members'), true);
  await claimFound(attempt, link, unseen);
  return { ...link, membersReadAt: attempt.now() };
}

/** Plans anew after each leaver who went first; whoever the vendor refused once is not asked for again. */
async function settleMemberships(attempt: Attempt, desired: DesiredGroup, link: LinkRecord) {
  const { remoteId } = link;
  const refused = new Map<string, Refusal>();
  const gone =
    desired.lifecycle === 'gone' ? await whyGroupGone(attempt.db, attempt.context, desired.id) : null;
  for (;;) {
    const members = await planMemberships(attempt, desired, remoteId, await feedingGroups(attempt, remoteId));
    if (members.taken.length > 0)
      await attempt.record((tx) =>
        recordMembers(tx, attempt.context.store.id, remoteId, members.taken, attempt.now()),
      );
    const gate = await openGate(attempt, members.changes, {
      personKey: (change) =>
        change.op === 'revoke' ? (change.member.personId ?? change.member.remoteId) : '',
      desired: () => 'unwanted',
    });
    const allowed = gate.allowed.filter((change) => !refused.has(changeKey(change)));
    const applied = await applyMemberships(attempt, remoteId, allowed, {
      onDone: (tx, change) => tickOff(tx, attempt, gate, change),
      why: ({ op }) => (op === 'revoke' && gone) || `${op === 'grant' ? 'a' : 'no'} member in the directory`,
    });
    for (const [key, refusal] of applied.refused) refused.set(key, refusal);
    if (applied.gaveWay) continue;
    return {
      heldReasons: gate.heldReasons,
      skipped: [...members.skipped, ...gate.skipped],
      refusals: [...refused.values()],
      waiting: gate.heldReasons.length + gate.skipped.length + refused.size > 0,
    };
  }
}

/** The group is gone and nothing of it is left to settle. One that only moved looks for its new one at once. */
async function detach(attempt: Attempt, { desired, link, removal }: Shaped, outcome: Outcome): Promise<void> {
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
  await attempt.record(async (tx) => {
    const siblings = await groupLinksByRemoteId(tx, store.id, link.remoteId);
    if (siblings.length === 1) await forgetGroup(tx, store.id, link.remoteId);
    await detachLink(tx, attempt, link);
    if (removal) {
      await forgetObservation(tx, store.id, 'group', link.remoteId);
      await attempt.changeEvent(tx, removal, { calls });
      await tickOff(tx, attempt, { applied: gate.applied, approvals: new Map() }, removal);
    }
    await conclude(tx, attempt, { ...outcome, forgotten: true });
    if (desired.remapped) await enqueueAgain(tx, attempt);
  });
}

function enqueueAgain(tx: Db, attempt: Attempt): Promise<void> {
  return enqueueTask(tx, attempt.context.store.id, {
    environmentId: attempt.task.environmentId,
    subject: attempt.task.subject,
    priority: attempt.task.priority,
    correlationIds: attempt.task.causes,
    at: attempt.now(),
  });
}

/** The remote group is not there any more: forget it and look again. */
async function forgetVanished(attempt: Attempt, error: RemoteError): Promise<void> {
  const { store } = attempt.context;
  await attempt.record(async (tx) => {
    const link = await getLink(tx, store.id, attempt.task.subject);
    if (!link) return;
    await forgetGroup(tx, store.id, link.remoteId);
    await forgetObservation(tx, store.id, 'group', link.remoteId);
    for (const sibling of await groupLinksByRemoteId(tx, store.id, link.remoteId))
      await deleteLink(tx, sibling.id);
    await attempt.event(tx, {
      kind: 'link.vanished',
      outcome: 'failure',
      subject: { ...attempt.task.subject, display: link.remoteName },
      reason: `the group ${link.remoteName} (${link.remoteId}) is not there any more: ${error.message}`,
    });
  });
}
