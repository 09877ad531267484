/**
 * Records what a sync found changed by hand. What is not repaired is remembered on the link and named in the status;
 * with `repair` the next plan starts from what was found. It never calls a store, and plans nothing itself.
 */

import { isDeepStrictEqual } from 'node:util';
import { appendEvent } from '../db/events.ts';
import type { Db } from '../db/open.ts';
import { enqueueTask, PRIORITY } from '../db/queue/enqueue.ts';
import { noteLostAccount } from '../db/queue/queue.ts';
import type { SyncRunRecord } from '../db/runs/syncRuns.ts';
import { forgetDrift, rememberDrift } from '../db/seen/drift.ts';
import { doubtingMembershipsOf } from '../db/seen/ledger.ts';
import { type LinkRecord, updateLink, userLinksByRemoteId } from '../db/seen/links.ts';
import { forgetRefusedOfAccount } from '../db/seen/refusedMemberships.ts';
import { upsertSyncStatus } from '../db/seen/syncStatuses.ts';
import { send } from '../db/transaction.ts';
import { SYSTEM } from '../model/cause.ts';
import type { Attributes } from '../model/desired.ts';
import type { RemoteError } from '../model/errors.ts';
import { type DriftItem, membershipDrift } from '../plan/drift.ts';
import { driftReason, remembered } from '../settle/drift.ts';
import { reasonOf, restate } from '../settle/driftStatus.ts';
import type { GroupFacts } from '../settle/groups/look.ts';
import { whyUnread } from '../settle/groups/members.ts';
import { type KeyWork, recordKeys } from '../settle/keys/holders.ts';
import type { PersonFacts } from '../settle/people/look.ts';
import { type Scan, takesIn } from '../settle/people/scanned.ts';
import type { Reading } from '../settle/planning.ts';
import { answerOf } from '../settle/refusal.ts';
import type { PlannedGroup } from '../settle/storePlan.ts';

export interface Step extends Reading {
  readonly run: SyncRunRecord;
}

/** Drift is compared only with a complete scan: a failed one does not say that anything is gone. */
export function scanOf({ run, now }: Step): Scan | null {
  if (!run.scan || run.error !== null) return null;
  const { repair, cause } = run;
  return { began: run.startedAt ?? now(), repair, takesAgreement: cause === 'periodic' };
}

/** Answers the drift that was found. */
export async function recordPersonDrift(
  tx: Db,
  step: Step,
  scan: Scan,
  { compared: link, drift, duplicates, lost }: PersonFacts,
): Promise<readonly DriftItem[]> {
  if (link === null) return duplicates;
  const { store } = step.context;
  if (drift.patch && takesIn(scan, drift)) {
    await updateLink(tx, link.id, drift.patch, step.now());
    await recordKeys(tx, keyWork(step), { ...link, ...drift.patch });
    const { state } = drift.patch;
    const { disableKeepsMemberships } = step.context.connector.capabilities;
    if (state === 'removed' || (state === 'disabled' && !disableKeepsMemberships))
      await send(tx, [doubtingMembershipsOf(store.id, link.remoteId)]);
    if (state === 'removed') await forgetRefusedOfAccount(tx, store.id, link.remoteId);
    const isNews = drift.patch.state !== undefined || drift.patch.notAccepted !== undefined;
    if (lost) await enqueueLost(tx, step, link);
    else if (!scan.repair && isNews) await enqueue(tx, step, link, PRIORITY.sync);
  }
  if (Object.keys(drift.kept).length > 0) await keptEvent(tx, step, link, drift.kept);
  const items = [...drift.items, ...duplicates];
  await note(tx, step, link, {
    items,
    standing: scan.repair ? duplicates : items,
    repaired: scan.repair ? drift.repaired : (link.drift?.repaired ?? {}),
    ...(scan.repair ? {} : { answered: link.drift?.answered }),
  });
  return items;
}

/** Wakes the subjects whose wanted key turns out to be free, under the sync's correlation id. */
function keyWork({ context, run, now }: Step): KeyWork {
  return { context, task: { causes: [run.correlationId] }, now };
}

async function enqueueLost(tx: Db, step: Step, link: LinkRecord): Promise<void> {
  await enqueue(tx, step, link, PRIORITY.leaver);
  await noteLostAccount(tx, step.context.store.id, link.subject);
}

async function enqueue(tx: Db, step: Step, { subject }: LinkRecord, priority: number): Promise<void> {
  await enqueueTask(tx, step.context.store.id, {
    environmentId: step.context.store.environmentId,
    subject,
    priority,
    correlationIds: [step.run.correlationId],
    at: step.now(),
  });
}

interface DriftNote {
  /** All drift that was found. */
  readonly items: readonly DriftItem[];
  /** The drift that stays: it is only reported, or nothing can repair it. */
  readonly standing: readonly DriftItem[];
  readonly repaired: Attributes;
  readonly answered?: Attributes | undefined;
}

/** Remembers drift, and names it in the status while it stands, and once in the audit log. */
async function note(tx: Db, step: Step, link: LinkRecord, noted: DriftNote): Promise<void> {
  const remembers = step.context.settings.driftMode !== 'Off';
  const before = link.drift;
  const after = remembers ? remembered(noted.standing, noted.repaired, noted.answered) : null;
  const news = noted.items.length > 0 && !isDeepStrictEqual(noted.items, before?.items);
  // Compared as objects: a database may order the keys otherwise.
  if (!isDeepStrictEqual(before, after)) {
    await rememberDrift(tx, link.id, after, step.now());
    const reasons = { before: reasonOf(before), after: reasonOf(after) };
    await restate(tx, step.context, link.subject, reasons, step);
  }
  if (news) await foundEvent(tx, step, link, noted);
}

async function foundEvent(
  tx: Db,
  step: Step,
  link: LinkRecord,
  { items, standing }: DriftNote,
): Promise<void> {
  const { store } = step.context;
  await appendEvent(tx, step.now(), {
    environmentId: store.environmentId,
    cause: { correlationId: step.run.correlationId, actor: SYSTEM },
    kind: 'drift.found',
    subject: items[0]?.subject ?? link.subject,
    store: { id: store.id, name: store.name },
    outcome: standing.length < items.length ? 'success' : 'skipped',
    reason: driftReason(items) ?? '',
    after: { syncId: step.run.id, repair: step.run.repair, items: items.slice(0, ITEMS_PER_EVENT_MAX) },
  });
}

const ITEMS_PER_EVENT_MAX = 100;

async function keptEvent(tx: Db, step: Step, link: LinkRecord, kept: Attributes): Promise<void> {
  const { store } = step.context;
  await appendEvent(tx, step.now(), {
    environmentId: store.environmentId,
    cause: { correlationId: step.run.correlationId, actor: SYSTEM },
    kind: 'drift.keptByStore',
    subject: { ...link.subject, display: link.remoteName },
    store: { id: store.id, name: store.name },
    outcome: 'skipped',
    reason: `${store.name} shows ${Object.keys(kept).join(', ')} as before although the bridge had just corrected it; it is not corrected again`,
    after: { syncId: step.run.id, kept },
  });
}

/** Records the drift of a group whose members were read, and answers it. */
export async function recordGroupDrift(
  tx: Db,
  step: Step,
  { facts, members, unseen, isRead, vanished, unread }: PlannedGroup,
): Promise<readonly DriftItem[]> {
  if (vanished) return recordVanished(tx, step, vanished);
  if (unread) await recordUnread(tx, step, facts, unread);
  const { link, drift } = facts;
  const scan = scanOf(step);
  if (link === null || scan === null) return [];
  await recordNameDrift(tx, step, scan, facts);
  if (!isRead) return [];
  if (Object.keys(drift.kept).length > 0) await keptEvent(tx, step, link, drift.kept);
  const { changes = [], foreign = NOBODY, lowered = NOBODY } = members ?? {};
  const missing = await withPeople(tx, step.context.store.id, unseen);
  const ofMembers = membershipDrift(ofGroup(link), { unseen: missing, planned: changes, foreign, lowered });
  const items = [...drift.items, ...ofMembers];
  await note(tx, step, link, {
    items,
    standing: scan.repair ? [] : items,
    repaired: scan.repair ? drift.repaired : (link.drift?.repaired ?? {}),
  });
  return items;
}

async function withPeople<E extends { readonly remoteUserId: string }>(
  tx: Db,
  storeId: string,
  entries: readonly E[],
): Promise<readonly (E & { readonly personId: string | undefined })[]> {
  const ids = entries.map(({ remoteUserId }) => remoteUserId);
  const links = await userLinksByRemoteId(tx, storeId, ids);
  return entries.map((entry) => ({ ...entry, personId: links.get(entry.remoteUserId)?.subject.id }));
}

/** Records what the scan saw of the group's name. */
export async function recordNameDrift(
  tx: Db,
  step: Step,
  scan: Scan,
  { link, drift }: GroupFacts,
): Promise<void> {
  if (!link || !drift.patch || !takesIn(scan, drift)) return;
  await updateLink(tx, link.id, drift.patch, step.now());
  await recordKeys(tx, keyWork(step), link);
  if (!scan.repair && drift.patch.notAccepted) await enqueue(tx, step, link, PRIORITY.sync);
}

const NOBODY: ReadonlySet<string> = new Set();

function ofGroup(link: LinkRecord) {
  return {
    subject: { kind: 'group' as const, id: link.subject.id, display: link.remoteName },
    remoteId: link.remoteId,
  };
}

async function recordVanished(tx: Db, step: Step, link: LinkRecord): Promise<readonly DriftItem[]> {
  const items: DriftItem[] = [{ kind: 'vanished', ...ofGroup(link) }];
  await note(tx, step, link, { items, standing: items, repaired: {} });
  // What the bridge owes there stays owed. The task looks whether another group has taken its place.
  if (step.run.repair)
    await updateLink(tx, link.id, { missingSince: link.missingSince ?? step.now() }, step.now());
  return items;
}

/**
 * With `repair` the group's task comes next. It reads the members anew, and fails on its own while they cannot be
 * read.
 */
async function recordUnread(
  tx: Db,
  step: Step,
  { desired, link }: GroupFacts,
  unread: RemoteError,
): Promise<void> {
  const { store } = step.context;
  if (step.run.repair && link) return updateLink(tx, link.id, { membersReadAt: null }, step.now());
  const { correlationId } = step.run;
  const subject = { kind: 'group', id: desired.id, display: desired.display } as const;
  const reason = whyUnread(step.context, desired.display, unread);
  await upsertSyncStatus(tx, {
    since: step.now(),
    environmentId: store.environmentId,
    storeId: store.id,
    subject,
    status: 'failed',
    reason,
    vendor: answerOf(unread),
    correlationId,
    lastSyncAt: step.now(),
  });
  await appendEvent(tx, step.now(), {
    environmentId: store.environmentId,
    cause: { correlationId, actor: SYSTEM },
    kind: 'task.failed',
    outcome: 'failure',
    subject,
    store: { id: store.id, name: store.name },
    reason,
  });
}

const FORGOTTEN_PER_STEP_MAX = 500;

/** With `DRIFT_MODE: Off` nobody looks for drift any more, so the bridge forgets what was found before. */
export async function forgetOldDrift(tx: Db, step: Step): Promise<void> {
  if (step.context.settings.driftMode !== 'Off') return;
  for (const subject of await forgetDrift(tx, step.context.store.id, FORGOTTEN_PER_STEP_MAX)) {
    await enqueueTask(tx, step.context.store.id, {
      environmentId: step.context.store.environmentId,
      subject,
      priority: PRIORITY.sync,
      correlationIds: [step.run.correlationId],
      at: step.now(),
    });
  }
}
