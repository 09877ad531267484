/**
 * The part of a sync that looks for changes made by hand: compares what a complete scan saw with what the
 * bridge left there, remembers what is not repaired, and with `repair` takes reality for what the next plan
 * starts from. It never calls a store but to read memberships, and plans nothing itself.
 */

import { isDeepStrictEqual } from 'node:util';
import type { CallContext } from '../connectors/connector.ts';
import { lower } from '../db/columns.ts';
import { appendEvent } from '../db/events.ts';
import type { Db } from '../db/open.ts';
import { enqueueTask, PRIORITY } from '../db/queue/tasks.ts';
import type { SyncRunRecord } from '../db/runs/syncRuns.ts';
import { forgetDrift, rememberDrift } from '../db/seen/drift.ts';
import { forgetAccount, forgetGroup, ledgerEntries } from '../db/seen/ledger.ts';
import { linkedGroupsPage } from '../db/seen/linkLists.ts';
import {
  deleteLink,
  groupLinksByRemoteId,
  type LinkRecord,
  linksBySubject,
  updateLink,
} from '../db/seen/links.ts';
import { accountsUnder, observationsById } from '../db/seen/observations.ts';
import { SYSTEM } from '../model/cause.ts';
import type { Attributes, DesiredUser } from '../model/desired.ts';
import { RemoteError } from '../model/errors.ts';
import type { RemoteUser } from '../model/remote.ts';
import { type Drift, type DriftItem, driftReason, remembered, userDrift } from '../settle/drift.ts';
import { reasonOf, restate } from '../settle/driftStatus.ts';
import { feedingGroups, planMemberships, readMembers, type Work } from '../settle/groups/members.ts';
import { loadDesiredGroup, loadDesiredUsers } from '../stores/desired.ts';

export interface Comparing extends Work {
  readonly run: SyncRunRecord;
  readonly callContext: CallContext;
}

export interface Compared {
  readonly drift: readonly DriftItem[];
}

/** Drift is compared only with a scan that was read to its end: after a failed one, nothing is known to be gone. */
export function isScanned(run: SyncRunRecord): boolean {
  return run.scan && run.error === null;
}

/** The people of one page. */
export async function compareUsers(step: Comparing, ids: readonly string[]): Promise<Compared> {
  const { store } = step.context;
  const links = await linksBySubject(step.db, store.id, 'user', ids);
  const remoteIds = [...links.values()].map((link) => link.remoteId);
  const seen = await observationsById(step.db, store.id, 'user', remoteIds);
  const people = await loadDesiredUsers(step.db, step.context, ids);
  const duplicates = await duplicatesOf(step, people, links);
  const found: DriftItem[] = [];
  for (const person of people) {
    const link = links.get(person.id);
    const twins = duplicates.get(person.id) ?? [];
    if (!link || link.state === 'removed') {
      found.push(...twins);
      continue;
    }
    const began = step.run.startedAt ?? step.now();
    const drift = userDrift(link, person, seen.get(link.remoteId), began);
    found.push(...drift.items, ...twins);
    await step.record((tx) => takeIn(tx, step, link, drift, twins));
  }
  return { drift: found };
}

/** Accounts that show the identifier of a person, where that is not exactly one. */
async function duplicatesOf(
  step: Comparing,
  people: readonly DesiredUser[],
  links: ReadonlyMap<string, LinkRecord>,
): Promise<ReadonlyMap<string, readonly DriftItem[]>> {
  const here = people.filter(({ lifecycle, identifier }) => lifecycle === 'active' && identifier !== null);
  const identifiers = here.map((person) => person.identifier as string);
  const accounts = await accountsUnder(step.db, step.context.store.id, identifiers);
  const found = new Map<string, readonly DriftItem[]>();
  for (const person of here) {
    const expected = person.identifier as string;
    const all = accounts.get(lower(expected)) ?? [];
    if (all.length < 2) continue;
    const own = links.get(person.id)?.remoteId ?? (all[0] as RemoteUser).remoteId;
    const subject = { kind: 'user', id: person.id, display: person.display } as const;
    const twins = all.filter((account) => account.remoteId !== own);
    found.set(
      person.id,
      twins.map((twin) => ({
        kind: 'duplicateIdentifier',
        subject,
        remoteId: own,
        expected,
        found: `${twin.display} (${twin.remoteId})`,
      })),
    );
  }
  return found;
}

async function takeIn(
  tx: Db,
  step: Comparing,
  link: LinkRecord,
  drift: Drift,
  twins: readonly DriftItem[],
): Promise<void> {
  const { store } = step.context;
  const { repair, cause } = step.run;
  // What brings the store closer to the directory is no drift: it is taken note of also where drift is only reported.
  const agrees = drift.items.length === 0 && cause === 'periodic';
  if (drift.patch && (repair || agrees)) {
    await updateLink(tx, link.id, drift.patch, step.now());
    if (drift.patch.state === 'removed') await forgetAccount(tx, store.id, link.remoteId);
    if (!repair && drift.patch.state !== undefined) await enqueue(tx, step, link);
  }
  if (Object.keys(drift.kept).length > 0) await keptEvent(tx, step, link, drift.kept);
  const items = [...drift.items, ...twins];
  await note(tx, step, link, {
    items,
    standing: repair ? twins : items,
    repaired: repair ? drift.repaired : (link.drift?.repaired ?? {}),
  });
}

async function enqueue(tx: Db, step: Comparing, { subject }: LinkRecord): Promise<void> {
  await enqueueTask(tx, step.context.store.id, {
    environmentId: step.context.store.environmentId,
    subject,
    priority: PRIORITY.sync,
    correlationIds: [step.run.correlationId],
    at: step.now(),
  });
}

interface DriftNote {
  /** Everything that was found. */
  readonly items: readonly DriftItem[];
  /** What stays as it is: reported only, or beyond repair. */
  readonly standing: readonly DriftItem[];
  readonly repaired: Attributes;
}

/** Remembers drift and says so: in the status while it stands, and once in the audit log. */
async function note(tx: Db, step: Comparing, link: LinkRecord, noted: DriftNote): Promise<void> {
  const remembers = step.context.settings.driftMode !== 'Off';
  const before = link.drift;
  const after = remembers ? remembered(noted.standing, noted.repaired) : null;
  const news = noted.items.length > 0 && !isDeepStrictEqual(noted.items, before?.items);
  // Not as text: a database may put the keys in an order of its own.
  if (!isDeepStrictEqual(before, after)) {
    await rememberDrift(tx, link.id, after, step.now());
    const reasons = { before: reasonOf(before), after: reasonOf(after) };
    await restate(tx, step.context, link.subject, reasons, step.run);
  }
  if (news) await foundEvent(tx, step, link, noted);
}

async function foundEvent(
  tx: Db,
  step: Comparing,
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

async function keptEvent(tx: Db, step: Comparing, link: LinkRecord, kept: Attributes): Promise<void> {
  const { store } = step.context;
  await appendEvent(tx, step.now(), {
    environmentId: store.environmentId,
    cause: { correlationId: step.run.correlationId, actor: SYSTEM },
    kind: 'drift.keptByStore',
    subject: { ...link.subject, display: link.remoteName },
    store: { id: store.id, name: store.name },
    outcome: 'skipped',
    reason: `${store.name} shows ${Object.keys(kept).join(', ')} as before although the bridge had just corrected it; it is taken for the store's own form and not corrected again`,
    after: { syncId: step.run.id, kept },
  });
}

export interface ComparedGroup extends Compared {
  /** Null after the last group. */
  readonly cursor: string | null;
}

/** The memberships of one remote group, read whole. */
export async function compareMembers(step: Comparing, cursor: string | null): Promise<ComparedGroup> {
  const [link] = await linkedGroupsPage(step.db, step.context.store.id, cursor, 1);
  if (!link) return { cursor: null, drift: [] };
  try {
    const unseen = await readMembers(step, link, step.callContext, step.run.repair);
    const missing = unseen.filter((entry) => entry.origin !== 'foreign');
    const items: DriftItem[] = missing.map((entry) => ({
      kind: 'membershipMissing',
      ...ofGroup(link),
      member: { id: entry.remoteUserId, display: entry.display },
    }));
    const overwrite = step.context.settings.groupMembershipHandling === 'Overwrite';
    if (overwrite) items.push(...(await foreignMembers(step, link)));
    const standing = step.run.repair ? [] : items;
    await step.record((tx) => note(tx, step, link, { items, standing, repaired: {} }));
    return { cursor: link.remoteId, drift: items };
  } catch (error) {
    if (!(error instanceof RemoteError) || error.disposition !== 'missing') throw error;
    return { cursor: link.remoteId, drift: await vanishedGroup(step, link) };
  }
}

function ofGroup(link: LinkRecord) {
  return {
    subject: { kind: 'group' as const, id: link.subject.id, display: link.remoteName },
    remoteId: link.remoteId,
  };
}

/** Those that `Overwrite` would revoke although the bridge had nothing to do with them. */
async function foreignMembers(step: Comparing, link: LinkRecord): Promise<readonly DriftItem[]> {
  const { store } = step.context;
  const desired = await loadDesiredGroup(step.db, step.context, link.subject.id, link);
  const groupIds = await feedingGroups(step, link.remoteId);
  const { changes } = await planMemberships(step, desired, link.remoteId, groupIds);
  const revokes = changes.filter((change) => change.op === 'revoke').map((change) => change.member);
  const remoteIds = revokes.map((member) => member.remoteId);
  const ledger = await ledgerEntries(step.db, store.id, link.remoteId, remoteIds);
  return revokes
    .filter((member) => ledger.get(member.remoteId)?.origin === 'foreign')
    .map((member) => ({
      kind: 'membershipForeign',
      ...ofGroup(link),
      member: { id: member.remoteId, display: member.display },
    }));
}

async function vanishedGroup(step: Comparing, link: LinkRecord): Promise<readonly DriftItem[]> {
  const { store } = step.context;
  const items: DriftItem[] = [{ kind: 'vanished', ...ofGroup(link) }];
  await step.record(async (tx) => {
    await note(tx, step, link, { items, standing: items, repaired: {} });
    if (!step.run.repair) return;
    await forgetGroup(tx, store.id, link.remoteId);
    for (const sibling of await groupLinksByRemoteId(tx, store.id, link.remoteId))
      await deleteLink(tx, sibling.id);
  });
  return items;
}

const FORGOTTEN_PER_STEP_MAX = 500;

/** With `DRIFT_MODE: Off` nobody looks any more, so nothing is said of what was found before. */
export async function forgetOldDrift(tx: Db, step: Comparing): Promise<void> {
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
