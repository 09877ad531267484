/**
 * Makes and replaces stores. A worker checks the credential first, outside of any transaction; the bridge saves what
 * was checked only if nobody changed the store meanwhile.
 */

import { lockEnvironment } from '../db/identity/environments.ts';
import { type Db, isUniqueViolation } from '../db/open.ts';
import { cancelOpenRuns, insertSyncRun, type SyncRunCause } from '../db/runs/syncRuns.ts';
import { keepProtection } from '../db/seen/spared.ts';
import {
  everyStoreOf,
  getStoreOf,
  insertStore,
  lockStore,
  type StoreRecord,
  updateStore,
} from '../db/stores/stores.ts';
import { transact } from '../db/transaction.ts';
import type { Cause } from '../model/cause.ts';
import { type Mistake, RequestError } from '../model/errors.ts';
import type { Check } from '../stores/check.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { afterCheck, isPausedByAdmin, pinned, UNPAUSED } from '../stores/peerState.ts';
import { audited, storeEvent } from '../stores/storeEvents.ts';
import { sealSecrets } from '../stores/storeSecrets.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { refuseOtherVersion, refuseTakenName, timeAfter, type Versions } from './conflicts.ts';
import { tenantInUse } from './pause.ts';
import {
  needsCheck,
  refuseBadCredential,
  refuseCheck,
  type SettingsChange,
  whatChanged,
} from './storeChecks.ts';
import {
  definitionOf,
  readNewConfiguration,
  readReplacedConfiguration,
  refuseMistakes,
} from './storeConfiguration.ts';

/** The body of a request; only `configuration` is unchecked. */
export interface StoreInput {
  readonly type: string;
  readonly name: string;
  readonly description: string | null;
  readonly image: StoreRecord['image'];
  readonly managed: boolean;
  /** Absent: INACTIVE for a new store, unchanged for an existing one. */
  readonly status?: 'ACTIVE' | 'INACTIVE' | undefined;
  readonly configuration: unknown;
  /** The environment to which the caller's token is bound; absent or null where it may see all. */
  readonly toldTo?: string | null;
  /** For a replacement: it expects one of these versions; absent or null: any. */
  readonly expected?: Versions;
}

/** Throws a 400 with every mistake, or 409 where another store has the name, the workspace or the instance. */
export async function createStore(
  deps: PropagationDeps,
  environmentId: string,
  input: StoreInput,
  cause: Cause,
): Promise<StoreRecord> {
  const definition = definitionOf(deps.registry, input.type);
  const { given, mistakes } = readNewConfiguration(definition, input.configuration);
  refuseMistakes(mistakes);
  const id = newId();
  const check = input.status === 'ACTIVE' ? await deps.inquiries.checkTrial({ id, definition, given }) : null;
  if (check) refuseBadCredential(definition, check, input.toldTo ?? null);
  const now = deps.clock.now();
  const at = isoTime(now);
  const draft: StoreRecord = {
    id,
    environmentId,
    type: definition.type,
    ...described(input),
    status: input.status ?? 'INACTIVE',
    ...sealSecrets(deps.keyring, definition, id, given),
    tenantId: null,
    tenantName: null,
    self: null,
    ...UNPAUSED,
    creationsWaitUntil: null,
    seatRefusals: 0,
    unrecognised: null,
    brakeTrippedAt: null,
    scannedAt: null,
    contextVersion: 0,
    lastSyncAt: null,
    lastSuccessAt: null,
    createdAt: at,
    updatedAt: at,
  };
  const store = check ? afterCheck(draft, check, now) : draft;
  await refuseTakenTenant(store, check, () =>
    transact(deps.db, async (tx) => {
      await refuseGoingEnvironment(tx, environmentId);
      refuseTakenName('store', store.name, await everyStoreOf(tx, environmentId));
      await insertStore(tx, store);
      await storeEvent(tx, at, store, cause, 'store.created', { after: audited(deps.registry, store) });
      if (store.status === 'ACTIVE') await activated(tx, at, store, cause, check);
      if (store.paused) {
        await storeEvent(tx, at, store, cause, 'store.paused', { reason: store.paused.message });
      }
    }),
  );
  if (store.status === 'ACTIVE') deps.wake.signal();
  return store;
}

async function refuseGoingEnvironment(tx: Db, id: string): Promise<void> {
  const environment = await lockEnvironment(tx, id);
  if (!environment) throw new RequestError(404, `There is no environment ${id}.`);
  if (environment.deletion)
    throw new RequestError(
      409,
      `The environment ${environment.name} is being deleted; nothing is added to it.`,
    );
}

/**
 * Throws 404, a 400 with every mistake, 412 for another version than expected, or 409 where the credential leads to
 * another tenant than the store's, another store has the tenant or the name, or the store changed meanwhile.
 */
export async function replaceStore(
  deps: PropagationDeps,
  environmentId: string,
  id: string,
  input: StoreInput,
  cause: Cause,
): Promise<StoreRecord> {
  const before = await getStoreOf(deps.db, environmentId, id);
  if (!before) throw new RequestError(404, `There is no store ${id} here.`);
  const { expected = null } = input;
  refuseOtherVersion(expected, before);
  const definition = definitionOf(deps.registry, before.type);
  const { given, mistakes } = readReplacedConfiguration(
    deps.keyring,
    definition,
    before,
    input.configuration,
  );
  refuseMistakes([...typeChange(before, input), ...mistakes]);
  const status = wantedStatus(before, input);
  const settings = whatChanged(deps.keyring, definition, before, given);
  const check = needsCheck(before, status, settings)
    ? await deps.inquiries.checkTrial({ id, definition, given })
    : null;
  if (check) refuseCheck(definition, before, status, check, settings, input.toldTo ?? null);
  const replacement = {
    ...described(input),
    status,
    ...sealSecrets(deps.keyring, definition, id, given),
    // Until a check pins the store, only a preview has told its own account; new settings make that unknown.
    ...(settings.connection && before.tenantId === null ? { self: null } : {}),
  };
  const saved = await refuseTakenTenant({ ...before, ...replacement }, check, () =>
    save(deps, before, replacement, { check, settings, expected, cause }),
  );
  if (saved.status !== 'INACTIVE') deps.wake.signal();
  return saved;
}

function described(input: StoreInput) {
  const { name, description, image, managed } = input;
  return { name, description, image, managed };
}

function typeChange(store: StoreRecord, input: StoreInput): Mistake[] {
  if (input.type === store.type) return [];
  const detail = `type cannot change; this store is of type ${store.type}, make another one`;
  return [{ pointer: '/type', detail }];
}

function wantedStatus(store: StoreRecord, input: StoreInput): 'ACTIVE' | 'INACTIVE' {
  const wanted = input.status ?? store.status;
  if (wanted !== 'DELETING') return wanted;
  const detail = 'status ACTIVE or INACTIVE calls the deletion off';
  throw new RequestError(409, `The store ${store.name} is being deleted; ${detail}.`, [
    { pointer: '/status', detail },
  ]);
}

interface Saving {
  readonly check: Check | null;
  readonly settings: SettingsChange;
  readonly expected: Versions;
  readonly cause: Cause;
}

async function save(
  deps: PropagationDeps,
  before: StoreRecord,
  replacement: Pick<StoreRecord, 'name'> & Partial<StoreRecord>,
  saving: Saving,
): Promise<StoreRecord> {
  const { check, settings, expected, cause } = saving;
  return transact(deps.db, async (tx) => {
    if (replacement.name !== before.name) await refuseNameOfAnother(tx, before, replacement.name);
    const current = await lockStore(tx, before.id);
    if (!current) throw new RequestError(404, `There is no store ${before.id} here.`);
    if (current.updatedAt !== before.updatedAt) {
      refuseOtherVersion(expected, current);
      throw new RequestError(409, `The store ${current.name} was changed meanwhile; read it and try again.`);
    }
    const now = deps.clock.now();
    const [at, updatedAt] = [isoTime(now), timeAfter(current.updatedAt, deps.clock)];
    const after = checkedRecord({ ...current, ...replacement, updatedAt }, check, now);
    await updateStore(tx, after);
    await keepProtection(tx, after);
    await storeEvent(tx, at, after, cause, 'store.updated', {
      before: audited(deps.registry, current),
      after: { ...audited(deps.registry, after), secretsEntered: settings.entered },
    });
    if (after.status !== current.status) {
      await cancelOpenRuns(tx, after.id, `the store became ${after.status}`, at);
      if (after.status === 'ACTIVE') await activated(tx, at, after, cause, check);
      else await storeEvent(tx, at, after, cause, 'store.deactivated');
    } else if (after.status === 'ACTIVE' && settings.any) {
      await queueRun(tx, at, after, cause, 'settings');
    }
    if (current.paused && !after.paused && after.status === 'ACTIVE') {
      await storeEvent(tx, at, after, cause, 'store.resumed', { calls: check?.calls ?? [] });
    } else if (!current.paused && after.paused) {
      await storeEvent(tx, at, after, cause, 'store.paused', { reason: after.paused.message });
    }
    return after;
  });
}

async function refuseNameOfAnother(tx: Db, { environmentId, id }: StoreRecord, name: string): Promise<void> {
  await lockEnvironment(tx, environmentId);
  const stores = await everyStoreOf(tx, environmentId);
  refuseTakenName(
    'store',
    name,
    stores.filter((store) => store.id !== id),
  );
}

/** An admin's pause stays when settings change. An inactive store is never paused. */
function checkedRecord(store: StoreRecord, check: Check | null, nowMs: number): StoreRecord {
  if (store.status === 'INACTIVE') {
    return { ...(check?.outcome === 'ok' ? pinned(store, check) : store), ...UNPAUSED };
  }
  if (check === null) return store;
  if (!isPausedByAdmin(store)) return afterCheck(store, check, nowMs);
  return check.outcome === 'ok' ? pinned(store, check) : store;
}

async function activated(
  tx: Parameters<typeof insertSyncRun>[0],
  at: string,
  store: StoreRecord,
  cause: Cause,
  check: Check | null,
): Promise<void> {
  await storeEvent(tx, at, store, cause, 'store.activated', {
    calls: check?.calls ?? [],
    after: { tenantId: store.tenantId, tenantName: store.tenantName, paused: store.paused },
  });
  await queueRun(tx, at, store, cause, 'activation');
}

/** Queues a run over everyone in scope and every link; for the brake, the request is one cause. */
export async function queueRun(
  tx: Parameters<typeof insertSyncRun>[0],
  at: string,
  store: StoreRecord,
  cause: Cause,
  why: Exclude<SyncRunCause, 'request' | 'periodic'>,
): Promise<void> {
  const run = {
    environmentId: store.environmentId,
    storeId: store.id,
    cause: why,
    correlationId: cause.correlationId,
    scan: why === 'activation',
    repair: true,
  };
  await insertSyncRun(tx, run, at);
}

/** If two requests come at once, the unique index lets only one win. */
async function refuseTakenTenant<T>(
  store: StoreRecord,
  check: Check | null,
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const detail = 'another active store has this workspace or instance';
    throw new RequestError(409, tenantInUse(store, check), [{ pointer: '/status', detail }]);
  }
}
