/**
 * An admin's decision on held losses. An approval covers exactly the rows that it names, and a task carries them out
 * only where its plan still has the identical change. A discard is remembered until the desired state changes.
 */

import { listOpenHeld, openHeldByIds } from '../db/brake/heldLists.ts';
import { type Decision, decideHeld, type LossRecord, standingOfSubject } from '../db/brake/losses.ts';
import type { Db } from '../db/open.ts';
import { closeLeaver } from '../db/queue/leavers.ts';
import { deleteHeldTask, enqueueTask, PRIORITY } from '../db/queue/tasks.ts';
import { getSyncStatus, upsertSyncStatus } from '../db/seen/syncStatuses.ts';
import { lockStore, type StoreRecord } from '../db/stores/stores.ts';
import type { Cause } from '../model/cause.ts';
import { RequestError } from '../model/errors.ts';
import { releaseBrakeIfClear } from '../settle/gate/brake.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { storeEvent } from '../stores/storeEvents.ts';
import { isoTime } from '../support/clock.ts';

/** The rows with these ids, or all that are open at this moment. */
export type Selection = { readonly ids: readonly string[] } | { readonly all: true };

/** Answers the rows that were approved; 409 with an entry for each id that is not open any more. */
export async function approveHeld(
  deps: PropagationDeps,
  storeId: string,
  selection: Selection,
  cause: Cause,
): Promise<readonly LossRecord[]> {
  const decided = await decide(deps, storeId, selection, 'approved', cause, async (tx, row, at) => {
    await enqueueTask(tx, storeId, {
      environmentId: row.environmentId,
      subject: row.subject,
      priority: PRIORITY.leaver,
      correlationIds: [cause.correlationId],
      at,
    });
  });
  deps.wake.signal();
  return decided;
}

/** As `approveHeld`, for losses that the admin does not want. */
export async function discardHeld(
  deps: PropagationDeps,
  storeId: string,
  selection: Selection,
  cause: Cause,
): Promise<readonly LossRecord[]> {
  return decide(deps, storeId, selection, 'discarded', cause, async (tx, row) => {
    const rows = await standingOfSubject(tx, storeId, row.subject);
    if (rows.some((other) => other.state === 'held')) return;
    await deleteHeldTask(tx, storeId, row.subject);
    if (row.subject.kind === 'user') await closeLeaver(tx, storeId, row.subject.id);
    const before = await getSyncStatus(tx, storeId, row.subject);
    await upsertSyncStatus(tx, {
      environmentId: row.environmentId,
      storeId,
      subject: row.subject,
      status: 'unsynced',
      reason: `discarded by ${cause.actor.name}`,
      vendor: null,
      correlationId: cause.correlationId,
      lastSyncAt: before?.lastSyncAt ?? null,
    });
  });
}

/** `follow` runs once for each subject, after all its rows are decided. */
async function decide(
  deps: PropagationDeps,
  storeId: string,
  selection: Selection,
  state: Decision['state'],
  cause: Cause,
  follow: (tx: Db, row: LossRecord, at: string) => Promise<void>,
): Promise<readonly LossRecord[]> {
  return deps.db.transaction(async (tx) => {
    // The brake takes the store's lock too, so that it holds nothing while this decides.
    const store = await lockStore(tx, storeId);
    if (!store) throw new RequestError(404, `There is no store ${storeId} here.`);
    const rows =
      'all' in selection
        ? (await allOpen(tx, storeId)).filter(isDecidedHere)
        : await openOrRefuse(tx, store, selection.ids);
    const at = isoTime(deps.clock.now());
    const ids = rows.map((row) => row.id);
    await decideHeld(tx, ids, { state, by: cause.actor.name, at });
    for (const row of firstOfEachSubject(rows)) await follow(tx, row, at);
    for (const row of rows) await decisionEvent(tx, at, store, row, state, cause);
    if (rows.length > 0) await releaseBrakeIfClear(tx, store, at, cause);
    return rows;
  });
}

/** Who somebody is, is decided of the person, for all stores at once. */
function isDecidedHere({ change }: LossRecord): boolean {
  return change.hold?.kind !== 'identity';
}

const PAGE_SIZE = 500;

async function allOpen(tx: Db, storeId: string): Promise<readonly LossRecord[]> {
  const rows: LossRecord[] = [];
  for (;;) {
    const page = await listOpenHeld(tx, storeId, { after: rows.at(-1) ?? null, limit: PAGE_SIZE });
    rows.push(...page);
    if (page.length < PAGE_SIZE) return rows;
  }
}

async function openOrRefuse(
  tx: Db,
  store: StoreRecord,
  ids: readonly string[],
): Promise<readonly LossRecord[]> {
  const rows = await openHeldByIds(tx, store.id, [...new Set(ids)]);
  const open = new Map(rows.map((row) => [row.id, row]));
  const errors = ids.flatMap((id, index) => {
    const detail = whyNotDecided(id, open.get(id));
    return detail === null ? [] : [{ pointer: `/ids/${index}`, detail }];
  });
  if (errors.length === 0) return rows;
  throw new RequestError(
    409,
    `Nothing was decided: ${errors.length} of the ids cannot be decided on ${store.name} (any more).`,
    errors,
  );
}

function whyNotDecided(id: string, row: LossRecord | undefined): string | null {
  if (!row) return `${id} is not held (any more); read the list again`;
  if (isDecidedHere(row)) return null;
  return `${id} asks who somebody is: answer at people/${row.subject.id}/identity`;
}

function firstOfEachSubject(rows: readonly LossRecord[]): readonly LossRecord[] {
  return [...new Map(rows.map((row) => [`${row.subject.kind}:${row.subject.id}`, row])).values()];
}

function decisionEvent(
  tx: Db,
  at: string,
  store: StoreRecord,
  row: LossRecord,
  state: Decision['state'],
  cause: Cause,
): Promise<void> {
  return storeEvent(tx, at, store, cause, `held.${state}`, {
    subject: row.change.subject,
    reason: row.reason,
    after: { heldId: row.id, change: row.change, since: row.since, heldBecauseOf: row.cause },
  });
}
