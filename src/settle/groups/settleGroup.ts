/** Settles one SCIM group on one store: the remote group first, then its memberships, then a deletion. */

import type { Db } from '../../db/open.ts';
import { enqueueTask } from '../../db/queue/tasks.ts';
import { forgetGroup, recordMembers } from '../../db/seen/ledger.ts';
import { deleteLink, getLink, groupLinksByRemoteId, type LinkRecord } from '../../db/seen/links.ts';
import { forgetObservation } from '../../db/seen/observations.ts';
import { changeKey, type MembershipChange } from '../../model/change.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import { RemoteError } from '../../model/errors.ts';
import { loadDesiredGroup } from '../../stores/desired.ts';
import type { Attempt } from '../attempt.ts';
import { openGate, openHarmlessGate, tickOff } from '../gate.ts';
import { type Settled, settle } from '../outcome.ts';
import { forbiddenAsSkip, type Refusal } from '../refusal.ts';
import { followMembers } from '../scopeMoves.ts';
import { whyGroupGone } from '../why.ts';
import { linkOfGroup } from './groupLook.ts';
import { applyMemberships, claimFound } from './memberChanges.ts';
import { feedingGroups, planMemberships, readMembers } from './members.ts';
import {
  findRemoteGroup,
  type GroupChange,
  type Leftovers,
  planRemoteGroup,
  shape,
  split,
} from './remoteGroup.ts';

/** A vanished group is looked for, or made, once more. */
const PASSES_MAX = 2;

export async function settleGroup(run: Attempt): Promise<void> {
  await followMembers(run);
  for (let pass = 1; ; pass++) {
    try {
      return await settleOnce(run);
    } catch (error) {
      if (!(error instanceof RemoteError) || pass === PASSES_MAX) throw error;
      if (error.disposition === 'missing') await forgetVanished(run, error);
      else if (error.disposition === 'conflict') await run.takeBack();
      else throw error;
      run.doubt = true;
    }
  }
}

async function settleOnce(run: Attempt): Promise<void> {
  const linked = await linkOfGroup(run);
  // Whatever is wanted now: what an earlier attempt did is the bridge's, and belongs in the audit log.
  const known = linked && run.doubt ? await lookAtMembers(run, linked) : linked;
  // A store that is being deleted deprovisions its people; groups and what is in them stay.
  if (run.view.store.status === 'DELETING')
    return finish(run, { heldReasons: [], skipped: [], forgotten: true });
  const desired = await loadDesiredGroup(run.deps.db, run.view, run.task.subject.id, known);
  if (desired.keepRemote) return keepRemote(run, known);
  const siblings = known ? await groupLinksByRemoteId(run.deps.db, run.view.store.id, known.remoteId) : [];
  const found = await findRemoteGroup(run, desired, known);
  const plan = planRemoteGroup(run, desired, known, siblings, found);
  const [removal, shaping] = split(plan);
  const shaped = await shape(run, { desired, link: known, found }, shaping);
  const { link } = shaped;
  const left = { skipped: [...plan.skipped, ...shaped.skipped], refusals: shaped.refusals };
  if (link === null || run.view.settings.groupProvisioning === 'Off') {
    return finish(run, {
      heldReasons: [],
      ...left,
      forgotten: desired.lifecycle === 'gone',
    });
  }
  const [speaker] = await groupLinksByRemoteId(run.deps.db, run.view.store.id, link.remoteId);
  if (speaker && speaker.id !== link.id) return passOn(run, speaker, { desired, link, removal, left });
  await settleMembers(run, { desired, link, removal, left });
}

/** What it fed stays as it is. A link can only be one that was made while the connection went. */
function keepRemote(run: Attempt, link: LinkRecord | null): Promise<void> {
  return run.record(async (tx) => {
    if (link) await detachLink(tx, run, link);
    await settle(tx, run, { heldReasons: [], skipped: [], forgotten: true });
  });
}

/**
 * Where several SCIM groups feed a remote group, the one that was linked first speaks for all: what is held
 * of the union, or discarded, is then known once, whichever of them is written to.
 */
async function passOn(run: Attempt, speaker: LinkRecord, { desired, link, left }: Shaped): Promise<void> {
  const gone = desired.lifecycle === 'gone';
  await run.record(async (tx) => {
    if (gone) await detachLink(tx, run, link);
    await enqueueTask(tx, run.view.store.id, {
      environmentId: run.task.environmentId,
      subject: speaker.subject,
      priority: run.task.priority,
      correlationIds: run.task.causes,
      at: run.now(),
    });
    await settle(tx, run, { heldReasons: [], ...left, forgotten: gone });
    if (desired.moved) await enqueueAgain(tx, run);
  });
}

async function detachLink(tx: Db, run: Attempt, link: LinkRecord): Promise<void> {
  await deleteLink(tx, link.id);
  await run.event(tx, {
    kind: 'group.detached',
    outcome: 'success',
    subject: { ...run.task.subject, display: link.remoteName },
    reason: await whyGroupGone(tx, run.view, run.task.subject.id),
  });
}

async function finish(run: Attempt, settled: Settled): Promise<void> {
  await run.record((tx) => settle(tx, run, settled));
}

interface Shaped {
  readonly desired: DesiredGroup;
  readonly link: LinkRecord;
  readonly removal: GroupChange | null;
  readonly left: Leftovers;
}

async function settleMembers(run: Attempt, shaped: Shaped): Promise<void> {
  const { desired, left } = shaped;
  const link = shaped.link.membersReadAt === null ? await lookAtMembers(run, shaped.link) : shaped.link;
  const members = await settleMemberships(run, desired, link);
  const settled = {
    heldReasons: members.heldReasons,
    skipped: [...left.skipped, ...members.skipped],
    refusals: [...left.refusals, ...members.refusals],
  };
  if (desired.lifecycle === 'active' || members.waiting) return finish(run, settled);
  await detach(run, shaped, settled);
}

async function lookAtMembers(run: Attempt, link: LinkRecord): Promise<LinkRecord> {
  const unseen = await readMembers(run, link, run.looking('members'), true);
  await claimFound(run, link, unseen);
  return { ...link, membersReadAt: run.now() };
}

/** Plans anew after each leaver who went first; whoever the vendor refused once is not asked for again. */
async function settleMemberships(run: Attempt, desired: DesiredGroup, link: LinkRecord) {
  const { remoteId } = link;
  const refused = new Map<string, Refusal>();
  const gone = desired.lifecycle === 'gone' ? await whyGroupGone(run.db, run.view, desired.id) : null;
  for (;;) {
    const members = await planMemberships(run, desired, remoteId, await feedingGroups(run, remoteId));
    if (members.taken.length > 0)
      await run.record((tx) => recordMembers(tx, run.view.store.id, remoteId, members.taken, run.now()));
    const gate = await openGate(run, members.changes, {
      personKey: (change) =>
        change.op === 'revoke' ? (change.member.personId ?? change.member.remoteId) : '',
      desired: () => 'unwanted',
    });
    const allowed = (gate.allowed as readonly MembershipChange[]).filter(
      (change) => !refused.has(changeKey(change)),
    );
    const applied = await applyMemberships(run, remoteId, allowed, {
      onDone: (tx, change) => tickOff(tx, run, gate, change),
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
async function detach(run: Attempt, { desired, link, removal }: Shaped, settled: Settled): Promise<void> {
  const { store, connector } = run.view;
  const { calls, context } = run.calling('delete');
  const gate = await openHarmlessGate(run, removal ? [removal] : []);
  if (gate.skipped.length > 0)
    return finish(run, { ...settled, skipped: [...settled.skipped, ...gate.skipped] });
  try {
    if (removal) await connector.apply(removal, context);
  } catch (error) {
    const refused = await forbiddenAsSkip(run, removal as GroupChange, calls, error);
    return finish(run, { ...settled, refusals: [refused] });
  }
  await run.record(async (tx) => {
    const siblings = await groupLinksByRemoteId(tx, store.id, link.remoteId);
    if (siblings.length === 1) await forgetGroup(tx, store.id, link.remoteId);
    await detachLink(tx, run, link);
    if (removal) {
      await forgetObservation(tx, store.id, 'group', link.remoteId);
      await run.changeEvent(tx, removal, { calls });
      await tickOff(tx, run, { applied: gate.applied, approvals: new Map() }, removal);
    }
    await settle(tx, run, { ...settled, forgotten: true });
    if (desired.moved) await enqueueAgain(tx, run);
  });
}

function enqueueAgain(tx: Db, run: Attempt): Promise<void> {
  return enqueueTask(tx, run.view.store.id, {
    environmentId: run.task.environmentId,
    subject: run.task.subject,
    priority: run.task.priority,
    correlationIds: run.task.causes,
    at: run.now(),
  });
}

/** The remote group is not there any more: forget it and look again. */
async function forgetVanished(run: Attempt, error: RemoteError): Promise<void> {
  const { store } = run.view;
  await run.record(async (tx) => {
    const link = await getLink(tx, store.id, run.task.subject);
    if (!link) return;
    await forgetGroup(tx, store.id, link.remoteId);
    await forgetObservation(tx, store.id, 'group', link.remoteId);
    for (const sibling of await groupLinksByRemoteId(tx, store.id, link.remoteId))
      await deleteLink(tx, sibling.id);
    await run.event(tx, {
      kind: 'link.vanished',
      outcome: 'failure',
      subject: { ...run.task.subject, display: link.remoteName },
      reason: `the group ${link.remoteName} (${link.remoteId}) is not there any more: ${error.message}`,
    });
  });
}
