/**
 * An admin decides about an incident, once for all its stores: approves or discards what is held, or undoes it, so
 * that stores also give back what they took. The decision is in the database before anything is done about it.
 */

import { wantBack } from '../../db/brake/giveBacks.ts';
import { type HeldFilter, openHeld } from '../../db/brake/heldLists.ts';
import { takenOf } from '../../db/brake/incidentLosses.ts';
import { type IncidentRecord, tripsOf } from '../../db/brake/incidents.ts';
import { type Decision, type LossRecord, revokeApprovals } from '../../db/brake/losses.ts';
import { causesWaiting, EVERYBODY, noteUndone, type UndoneCause } from '../../db/brake/undoneCauses.ts';
import { appendEvent } from '../../db/events.ts';
import { namesOfPeople } from '../../db/identity/subjects.ts';
import type { Db } from '../../db/open.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import { listWorkingStores, type StoreRecord } from '../../db/stores/stores.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { commonSettings } from '../../model/commonSettings.ts';
import { RequestError } from '../../model/errors.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { decideRows, lockHolding, lockStores } from './decide.ts';

export type IncidentSelection =
  | { readonly personIds: readonly string[] }
  | { readonly causes: readonly string[] }
  /** The people who left. */
  | { readonly left: true }
  | { readonly all: true };

/** Answers the losses that were decided; none where the selection had nothing open. */
export async function decideOnIncident(
  deps: PropagationDeps,
  incident: IncidentRecord,
  selection: IncidentSelection,
  state: Decision['state'],
  cause: Cause,
): Promise<readonly LossRecord[]> {
  const where = { incident_id: incident.id };
  const decided = await transact(deps.db, async (tx) => {
    const stores = await lockHolding(tx, where);
    const rows = await chosen(tx, where, selection);
    const at = isoTime(deps.clock.now());
    if (rows.length > 0) await incidentEvent(tx, at, incident, cause, state, rows);
    await decideRows(tx, stores, rows, { state, cause, at });
    return rows;
  });
  deps.wake.signal();
  return decided;
}

async function chosen(
  tx: Db,
  where: { readonly incident_id: string },
  selection: IncidentSelection,
): Promise<readonly LossRecord[]> {
  if (!('left' in selection)) return openHeld(tx, where, filterOf(selection));
  const rows = await openHeld(tx, where, 'all');
  const people = await namesOfPeople(tx, [...new Set(rows.map((row) => row.personKey))]);
  return rows.filter(({ personKey }) => (people.get(personKey)?.state ?? 'active') !== 'active');
}

function filterOf(selection: Exclude<IncidentSelection, { left: true }>) {
  if ('personIds' in selection) return { column: 'person_key', values: selection.personIds } as const;
  if ('causes' in selection) return { column: 'cause', values: selection.causes } as const;
  return 'all' satisfies HeldFilter;
}

/** Counted from the close of the incident. */
export const UNDONE_WITHIN_MS = 7 * 24 * 60 * 60_000;

/** Throws a 409 later than seven days after the incident closed. */
export function refuseLateUndo({ number, closedAt }: IncidentRecord, now: number): void {
  if (closedAt === null || now - Date.parse(closedAt) <= UNDONE_WITHIN_MS) return;
  const message = `Incident ${number} was closed at ${closedAt}, more than 7 days ago: what it took is not given back any more.`;
  throw new RequestError(409, message);
}

type UndoSelection = Exclude<IncidentSelection, { left: true }>;

/**
 * Stores give back what they took as soon as they can. Held losses are discarded, and approved losses that no store
 * has taken yet do not happen. Answers all of these losses. Throws a 409 later than seven days after the incident
 * closed.
 */
export async function undoIncident(
  deps: PropagationDeps,
  incident: IncidentRecord,
  selection: UndoSelection,
  cause: Cause,
): Promise<readonly LossRecord[]> {
  const now = deps.clock.now();
  refuseLateUndo(incident, now);
  const at = isoTime(now);
  const undone = await transact(deps.db, async (tx) => {
    const filter = filterOf(selection);
    const before = await takenOf(tx, incident.id, filter);
    const held = await openHeld(tx, { incident_id: incident.id }, filter);
    // Includes stores that have taken nothing for this incident yet.
    const working = await listWorkingStores(tx, incident.environmentId);
    const noted = [...before, ...held].map((row) => row.storeId);
    const stores = await lockStores(tx, [...working.map(({ id }) => id), ...noted]);
    const open = (await openHeld(tx, { incident_id: incident.id }, filter)).filter(({ storeId }) =>
      stores.has(storeId),
    );
    const taken = await wantAllBack(tx, incident, selection, stores, cause, at);
    const rows = [...taken, ...open];
    if (rows.length > 0) await incidentEvent(tx, at, incident, cause, 'undone', rows);
    await decideRows(tx, stores, open, { state: 'discarded', cause, at });
    const causes = await causesUndone(tx, incident, selection, stores, rows, at);
    await noteUndone(tx, causes, { incidentId: incident.id, by: cause.actor.name, at });
    return rows;
  });
  deps.wake.signal();
  return undone;
}

/**
 * The requests that caused the losses. If an admin undoes everything, this includes requests within the window of a
 * tripped brake for which the store still has work to do: their losses passed before the brake tripped, or would have
 * been held.
 */
async function causesUndone(
  tx: Db,
  { id, closedAt }: IncidentRecord,
  selection: UndoSelection,
  stores: ReadonlyMap<string, StoreRecord>,
  rows: readonly LossRecord[],
  at: string,
): Promise<readonly UndoneCause[]> {
  const found = new Map<string, UndoneCause>();
  const add = (correlationId: string, personKey: string) =>
    found.set(`${correlationId} ${personKey}`, { correlationId, personKey });
  for (const { cause, personKey } of rows)
    if (cause !== null) add(cause, 'personIds' in selection ? personKey : EVERYBODY);
  if (!('all' in selection)) return [...found.values()];
  for (const { storeId, trippedAt } of await tripsOf(tx, id)) {
    const store = stores.get(storeId);
    if (!store) continue;
    const { brakeWindowMinutes } = commonSettings(store.configuration);
    const from = isoTime(Date.parse(trippedAt) - brakeWindowMinutes * 60_000);
    for (const cause of await causesWaiting(tx, { storeId, incidentId: id }, { from, until: closedAt ?? at }))
      add(cause, EVERYBODY);
  }
  return [...found.values()];
}

/** Undoes what the incident took on these stores, which the transaction has locked. Answers those losses. */
export async function wantAllBack(
  tx: Db,
  { id }: Pick<IncidentRecord, 'id'>,
  selection: UndoSelection,
  stores: ReadonlyMap<string, StoreRecord>,
  cause: Cause,
  at: string,
): Promise<readonly LossRecord[]> {
  const by = cause.actor.name;
  const taken = (await takenOf(tx, id, filterOf(selection))).filter(({ storeId }) => stores.has(storeId));
  const idsOf = (rows: readonly LossRecord[]) => rows.map((row) => row.id);
  await wantBack(tx, idsOf(taken.filter(({ doneAt }) => doneAt !== null)), { by, at });
  await revokeApprovals(tx, idsOf(taken.filter(({ doneAt }) => doneAt === null)), by, at);
  await enqueueSubjects(tx, taken, cause, at);
  return taken;
}

async function enqueueSubjects(
  tx: Db,
  losses: readonly LossRecord[],
  cause: Cause,
  at: string,
): Promise<void> {
  const subjects = new Map(
    losses.map((loss) => [`${loss.storeId} ${loss.subject.kind}:${loss.subject.id}`, loss]),
  );
  for (const { storeId, environmentId, subject } of subjects.values())
    await enqueueTask(tx, storeId, {
      environmentId,
      subject,
      priority: PRIORITY.normal,
      correlationIds: [cause.correlationId],
      at,
    });
}

function incidentEvent(
  tx: Db,
  at: string,
  { id, number, environmentId }: IncidentRecord,
  cause: Cause,
  what: Decision['state'] | 'undone',
  rows: readonly LossRecord[],
): Promise<string> {
  const people = new Set(rows.map((row) => row.personKey)).size;
  return appendEvent(tx, at, {
    environmentId,
    cause,
    kind: `incident.${what}`,
    outcome: 'success',
    after: { incidentId: id, number, losses: rows.length, people },
  });
}
