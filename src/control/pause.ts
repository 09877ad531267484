/**
 * Pauses and resumes stores. A paused store keeps its tasks, and no worker takes any. Only an admin ends an admin's
 * pause; during any other pause a worker checks the store again, at growing intervals.
 */

import type { VendorCall } from '../connectors/connector.ts';
import { appendEvent } from '../db/events.ts';
import { type Db, isUniqueViolation } from '../db/open.ts';
import { enqueueTask, PRIORITY } from '../db/queue/enqueue.ts';
import { getLeaver } from '../db/queue/leavers.ts';
import { subjectsRefusedWith } from '../db/seen/syncStatuses.ts';
import { everyWorkingStore, lockStore, type StoreRecord, updateStore } from '../db/stores/stores.ts';
import { transact } from '../db/transaction.ts';
import { type Cause, SYSTEM } from '../model/cause.ts';
import { type RemoteError, RequestError } from '../model/errors.ts';
import type { Pause } from '../model/peer.ts';
import { type Check, checkConnection, refusalCode } from '../stores/check.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { afterCheck, BY_ADMIN, isPausedByAdmin, pausedForNow, RESTORED } from '../stores/peerState.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import type { Log } from '../support/log.ts';
import { ended } from '../support/text/ended.ts';

/** An admin pauses a store. If it was paused already, the pause becomes the admin's. */
export async function pauseByAdmin(deps: PropagationDeps, id: string, cause: Cause): Promise<StoreRecord> {
  return transact(deps.db, async (tx) => {
    const store = await lockStore(tx, id);
    if (!store) throw new RequestError(404, `There is no store ${id} here.`);
    if (store.status === 'INACTIVE') {
      throw new RequestError(409, `The store ${store.name} is INACTIVE, so there is nothing to pause.`);
    }
    if (isPausedByAdmin(store)) return store;
    const at = isoTime(deps.clock.now());
    const paused = { code: BY_ADMIN, message: `Paused by ${cause.actor.name}.` };
    const after = { ...store, paused, pausedAt: at, retryAt: null, retryAttempts: 0 };
    await savePause(tx, at, after, cause, [], { log: deps.log });
    return after;
  });
}

/**
 * After a restore, every store that was in use waits for an admin: the database does not know what the bridge did
 * after the backup.
 */
export async function pauseRestored(tx: Db, takenAt: string, at: string, cause: Cause): Promise<number> {
  const message = `restored from a backup of ${takenAt}: look at the preview, then resume`;
  const stores = await everyWorkingStore(tx);
  for (const store of stores) {
    const paused = { code: RESTORED, message };
    await savePause(tx, at, { ...store, paused, pausedAt: at, retryAt: null, retryAttempts: 0 }, cause, []);
  }
  return stores.length;
}

/**
 * The vendor refuses the credential. Nothing changes where an admin has paused the store or changed its settings
 * meanwhile.
 */
export async function pauseForCredential(
  deps: PropagationDeps,
  store: StoreRecord,
  error: RemoteError,
): Promise<void> {
  await transact(deps.db, async (tx) => {
    const current = await lockStore(tx, store.id);
    if (!current || current.paused || current.updatedAt !== store.updatedAt) return;
    if (current.status === 'INACTIVE') return;
    const now = deps.clock.now();
    const reason = { code: refusalCode(error.code), message: error.message };
    const after = pausedForNow(current, reason, now);
    const cause = bySystem();
    await savePause(tx, isoTime(now), after, cause, [], { log: deps.log });
    await askAgain(tx, current, isoTime(now), cause);
  });
}

/** The vendor refuses every person, although the store's check finds nothing wrong. */
export async function askAgainForRefused(deps: PropagationDeps, store: StoreRecord): Promise<void> {
  const at = isoTime(deps.clock.now());
  await transact(deps.db, (tx) => askAgain(tx, store, at, bySystem()));
}

/** Subjects that the vendor refused before anybody knew that the credential was bad get another attempt. */
async function askAgain(tx: Db, store: StoreRecord, at: string, cause: Cause): Promise<void> {
  for (const subject of await subjectsRefusedWith(tx, store.id, [401, 403])) {
    const isLeaver = subject.kind === 'user' && (await getLeaver(tx, store.id, subject.id)) !== null;
    await enqueueTask(tx, store.id, {
      environmentId: store.environmentId,
      subject,
      priority: isLeaver ? PRIORITY.leaver : PRIORITY.normal,
      correlationIds: [cause.correlationId],
      at,
    });
  }
}

/** A worker checks a paused store whose `retryAt` has come: the store resumes, or waits longer. */
export async function recheckPaused(
  deps: PropagationDeps,
  store: StoreRecord,
  signal: AbortSignal,
): Promise<StoreRecord> {
  const check = await checkConnection(deps.connectors.connectorFor(store), signal);
  return settleCheck(deps, store, check, bySystem());
}

/**
 * An admin resumes a store after a worker has checked it. Where the check fails, the store stays paused and this
 * throws a 409 with the reasons; a store that the worker could not reach is checked again by itself.
 */
export async function resumeByAdmin(
  deps: PropagationDeps,
  store: StoreRecord,
  cause: Cause,
): Promise<StoreRecord> {
  if (!store.paused) return store;
  const check = await deps.inquiries.check(store);
  const after = await settleCheck(deps, store, check, cause);
  if (!after.paused) return after;
  const errors =
    check.outcome === 'refused'
      ? check.details.map(({ message }) => ({ pointer: '', detail: message }))
      : [{ pointer: '', detail: after.paused.message }];
  const later = after.retryAt === null ? '' : ` It is tried again at ${after.retryAt}.`;
  throw new RequestError(
    409,
    `The store ${store.name} stays paused: ${ended(after.paused.message)}${later}`,
    errors,
  );
}

async function settleCheck(
  deps: PropagationDeps,
  store: StoreRecord,
  check: Check,
  cause: Cause,
): Promise<StoreRecord> {
  try {
    return await recordCheck(
      deps,
      store,
      (current) => afterCheck(current, check, deps.clock.now()),
      cause,
      check,
    );
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const reason = { code: 'tenant_in_use', message: tenantInUse(store, check) };
    return recordCheck(
      deps,
      store,
      (current) => pausedForNow(current, reason, deps.clock.now()),
      cause,
      check,
    );
  }
}

/** Writes nothing where somebody else has resumed the store or changed the settings that were checked. */
async function recordCheck(
  deps: PropagationDeps,
  store: StoreRecord,
  decide: (current: StoreRecord) => StoreRecord,
  cause: Cause,
  check: Check,
): Promise<StoreRecord> {
  const after = await transact(deps.db, async (tx) => {
    const current = await lockStore(tx, store.id);
    if (!current) throw new RequestError(404, `There is no store ${store.id} here.`);
    if (!current.paused || current.updatedAt !== store.updatedAt) return current;
    // An admin has paused it meanwhile: a check for which no admin asked does not end that.
    if (isPausedByAdmin(current) && cause.actor.type === 'system') return current;
    const next = decide(current);
    const { log } = deps;
    await savePause(tx, isoTime(deps.clock.now()), next, cause, check.calls, { log, before: current.paused });
    return next;
  });
  if (!after.paused) deps.wake.signal();
  return after;
}

/** Writes an event for a pause that begins, and none for one that goes on. */
async function savePause(
  tx: Db,
  at: string,
  store: StoreRecord,
  cause: Cause,
  calls: readonly VendorCall[],
  { log, before }: { readonly log?: Log; readonly before?: Pause | null } = {},
): Promise<void> {
  await updateStore(tx, store);
  if (store.paused?.code === before?.code) return;
  if (store.paused) {
    const { code, message: reason } = store.paused;
    log?.warn({ storeId: store.id, store: store.name, code, reason }, 'a store is paused');
  }
  await appendEvent(tx, at, {
    environmentId: store.environmentId,
    cause,
    kind: store.paused ? 'store.paused' : 'store.resumed',
    store: { id: store.id, name: store.name },
    outcome: 'success',
    calls,
    ...(store.paused
      ? { reason: store.paused.message, after: { code: store.paused.code, retryAt: store.retryAt } }
      : {}),
  });
}

export function tenantInUse(store: StoreRecord, check: Check | null): string {
  const name = check?.outcome === 'ok' ? check.status.tenant?.name : undefined;
  return `Another active store of type ${store.type} is connected to ${name ?? store.tenantName ?? 'that workspace or instance'} already; two would undo each other's work. Deactivate or delete that one first.`;
}

function bySystem(): Cause {
  return { correlationId: newId(), actor: SYSTEM };
}
