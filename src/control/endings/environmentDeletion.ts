/**
 * Deletes an environment: its connections, then its stores, then its admin tokens. Its row and its audit log stay.
 * This file calls no vendor.
 */

import { deleteAdminTokensOf } from '../../db/access/adminTokens.ts';
import { endAlertsOf } from '../../db/alerts/alerts.ts';
import { appendEvent } from '../../db/events.ts';
import { type ConnectionRecord, everyConnection, lockConnection } from '../../db/identity/connections.ts';
import {
  type Deletion,
  keepAccountsFromNowOn,
  softDeleteRow,
  startDeletion,
  takeReplanning,
} from '../../db/identity/deletions.ts';
import {
  DEFAULT_ENVIRONMENT_ID,
  type EnvironmentRecord,
  lockEnvironment,
} from '../../db/identity/environments.ts';
import { type AffectedPeople, affectedPeople } from '../../db/identity/tombstones.ts';
import type { Db } from '../../db/open.ts';
import { everyStoreOf, lockStore } from '../../db/stores/stores.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import type { EventKind } from '../../model/eventKinds.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { type DeletionOptions, refuseUnconfirmed } from './confirmation.ts';
import {
  advanceConnection,
  emptyConnection,
  keepAccounts,
  type Progress,
  shut,
} from './connectionDeletion.ts';
import { replanStores } from './directoryChange.ts';
import { forgetStore } from './storeDeletion.ts';

/** The request itself takes this many steps: a small environment is gone when the answer comes. */
const STEPS_IN_REQUEST = 20;

/**
 * False while something is left to do. Throws 404, or 409 where nobody confirmed it or it is the default environment.
 */
export async function deleteEnvironment(
  deps: PropagationDeps,
  id: string,
  options: DeletionOptions,
  cause: Cause,
): Promise<boolean> {
  // This comes before the transaction, because it takes seconds to count a large directory.
  const affected = await affectedPeople(deps.db, idsOf(await everyConnection(deps.db, id)));
  await transact(deps.db, async (tx) => {
    const environment = await lockEnvironment(tx, id);
    if (!environment) throw new RequestError(404, `There is no environment ${id}.`);
    if (id === DEFAULT_ENVIRONMENT_ID) throw new RequestError(409, STAYS);
    const { deletion } = environment;
    if (deletion && (deletion.keepAccounts || !options.keepAccounts)) return;
    if (!options.confirmed) await refuseWhereSomethingIs(tx, environment, affected, options);
    if (deletion) await keepAccountsFromNowOn(tx, 'environments', id);
    else {
      const since = isoTime(deps.clock.now());
      await startDeletion(tx, 'environments', id, { cause, since, keepAccounts: options.keepAccounts });
    }
    const after = { keepAccounts: options.keepAccounts, ...affected };
    await appendEnvironmentEvents(tx, deps, environment, cause, 'environment.deleting', after);
  });
  return (await advanceEnvironment(deps, id, STEPS_IN_REQUEST)) === 'done';
}

const STAYS = 'The environment default stays: it keeps the audit log of the bridge itself.';

async function refuseWhereSomethingIs(
  tx: Db,
  environment: EnvironmentRecord,
  affected: AffectedPeople,
  options: DeletionOptions,
): Promise<void> {
  const connections = await everyConnection(tx, environment.id);
  const stores = await everyStoreOf(tx, environment.id);
  if (connections.length + stores.length === 0) return;
  const what = [`${connections.length} connections`, `${stores.length} stores`].join(' and ');
  refuseUnconfirmed(`the environment ${environment.name}, its ${what}`, affected, options);
}

function idsOf(connections: readonly ConnectionRecord[]): readonly string[] {
  return connections.map(({ id }) => id);
}

/** As `advanceConnection`, for everything in the environment. */
export async function advanceEnvironment(
  deps: PropagationDeps,
  id: string,
  steps: number,
): Promise<Progress> {
  const left = await transact(deps.db, (tx) => shutEverything(tx, deps, id));
  if (left === null) return 'done';
  for (const connectionId of left)
    if ((await emptyConnection(deps, connectionId, steps)) === 'more') return 'more';
  await transact(deps.db, (tx) => replanOnce(tx, deps, id, left));
  let waiting = false;
  for (const connectionId of left) {
    const progress = await advanceConnection(deps, connectionId, steps);
    if (progress === 'more') return 'more';
    if (progress === 'waiting') waiting = true;
  }
  return waiting ? 'waiting' : finish(deps, id);
}

/** For the brake, the whole deletion is one cause, however many connections there are. */
async function replanOnce(
  tx: Db,
  deps: PropagationDeps,
  id: string,
  connectionIds: readonly string[],
): Promise<void> {
  const environment = await lockEnvironment(tx, id);
  const at = isoTime(deps.clock.now());
  let told = true;
  for (const connectionId of connectionIds) if (await takeReplanning(tx, connectionId, at)) told = false;
  if (!told && environment?.deletion) await replanStores(tx, at, id, environment.deletion.cause);
}

/**
 * Shuts every connection and store, also those made after the deletion began. Answers the connections; null where the
 * environment is gone.
 */
async function shutEverything(tx: Db, deps: PropagationDeps, id: string): Promise<readonly string[] | null> {
  const environment = await lockEnvironment(tx, id);
  const deletion = environment?.deletion;
  if (!environment || !deletion) return null;
  // Comes before people leave the directory: nobody loses anything on a store that the bridge has forgotten.
  if (deletion.keepAccounts) await forgetStores(tx, deps, id, deletion);
  const connections = await everyConnection(tx, id);
  // The primary connection goes last, so that no other becomes primary in between.
  for (const { id: connectionId } of connections.toReversed()) {
    const connection = await lockConnection(tx, id, connectionId);
    if (!connection) continue;
    if (!connection.deletion) await shut(tx, deps, connection, deletion.keepAccounts, deletion.cause);
    else if (deletion.keepAccounts && !connection.deletion.keepAccounts)
      await keepAccounts(tx, deps, connection, deletion.cause);
  }
  return idsOf(connections);
}

async function forgetStores(tx: Db, deps: PropagationDeps, id: string, deletion: Deletion): Promise<void> {
  for (const { id: storeId } of await everyStoreOf(tx, id)) {
    const store = await lockStore(tx, storeId);
    if (store) await forgetStore(tx, deps, store, deletion.cause);
  }
}

function finish(deps: PropagationDeps, id: string): Promise<Progress> {
  return transact(deps.db, async (tx): Promise<Progress> => {
    const environment = await lockEnvironment(tx, id);
    const deletion = environment?.deletion;
    if (!environment || !deletion) return 'done';
    if ((await everyConnection(tx, id)).length > 0) return 'more';
    await forgetStores(tx, deps, id, deletion);
    const tokens = await deleteAdminTokensOf(tx, id);
    const at = isoTime(deps.clock.now());
    await softDeleteRow(tx, 'environments', id, at);
    await appendEnvironmentEvents(tx, deps, environment, deletion.cause, 'environment.deleted', {
      keepAccounts: deletion.keepAccounts,
      adminTokensRevoked: tokens.map(({ id: tokenId, name }) => ({ id: tokenId, name })),
    });
    // Alerts still tell about this event; housekeeping deletes them once nothing is left to tell.
    await endAlertsOf(tx, id);
    return 'done';
  });
}

/**
 * Writes the event to the environment's own log, which stays, and to that of the default environment, which people
 * read.
 */
async function appendEnvironmentEvents(
  tx: Db,
  deps: PropagationDeps,
  { id, name }: EnvironmentRecord,
  cause: Cause,
  kind: EventKind,
  after: unknown,
): Promise<void> {
  for (const environmentId of [id, DEFAULT_ENVIRONMENT_ID]) {
    const event = { environmentId, cause, kind, outcome: 'success', before: { id, name }, after } as const;
    await appendEvent(tx, isoTime(deps.clock.now()), event);
  }
}
