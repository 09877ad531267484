/**
 * Deletes a connection. From the request on nobody can push to it. Its people and groups leave the directory page by
 * page. Then every store plans again, as one cause for the brake; where accounts are kept, the stores forget their
 * links instead. The connection stays visible until no store has anything left to do. This file calls no vendor.
 */

import { revokeScimTokensOf } from '../../db/access/scimTokens.ts';
import { appendEvent, appendEvents } from '../../db/events.ts';
import {
  type ConnectionRecord,
  countConnections,
  lockConnection,
  lockConnectionEvenDeleted,
  passOnPrimary,
} from '../../db/identity/connections.ts';
import {
  type Deletion,
  keepAccountsFromNowOn,
  softDeleteRow,
  startDeletion,
  takeReplanning,
} from '../../db/identity/deletions.ts';
import { lockEnvironment } from '../../db/identity/environments.ts';
import {
  type AffectedPeople,
  affectedPeople,
  forgetSubjects,
  lastHadLinks,
  nextToForget,
  storesStillWork,
} from '../../db/identity/tombstones.ts';
import type { Db } from '../../db/open.ts';
import { deletePulled } from '../../db/pull/connections.ts';
import { storeNames } from '../../db/stores/stores.ts';
import { transact } from '../../db/transaction.ts';
import { softDeletePage } from '../../directory/softDelete.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import type { EventKind } from '../../model/eventKinds.ts';
import type { Kind } from '../../model/subject.ts';
import { releaseBrakeIfClear } from '../../settle/gate/release.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { refuseWhileNamed } from '../identity/handles.ts';
import { type DeletionOptions, refuseUnconfirmed } from './confirmation.ts';
import { replanStores } from './directoryChange.ts';

/** The request itself takes this many steps: a small connection is gone when the answer comes. */
const STEPS_IN_REQUEST = 10;
const FORGOTTEN_PER_STEP = 200;

/** False while something is left to do. Throws 404, or 409 where the admin has not confirmed it. */
export async function deleteConnection(
  deps: PropagationDeps,
  environmentId: string,
  id: string,
  options: DeletionOptions,
  cause: Cause,
): Promise<boolean> {
  // This comes before the transaction, because it takes seconds to count a large directory.
  const affected = await affectedPeople(deps.db, [id]);
  await transact(deps.db, async (tx) => {
    // While the environment is locked, no other connection becomes the primary one.
    await lockEnvironment(tx, environmentId);
    const connection = await lockConnection(tx, environmentId, id);
    if (!connection) throw new RequestError(404, `There is no connection ${id} here.`);
    const asked = { options, affected, cause };
    if (connection.deletion) return keepAfterAll(tx, deps, connection, connection.deletion, asked);
    await refuseWhileNamed(tx, connection, '');
    if (!options.confirmed && (await needsConfirmation(tx, id, affected)))
      refuseUnconfirmed(`the connection ${connection.name}`, affected, options);
    await shut(tx, deps, connection, options.keepAccounts, cause, affected);
  });
  return (await advanceConnection(deps, id, STEPS_IN_REQUEST)) === 'done';
}

async function needsConfirmation(tx: Db, id: string, { users, groups }: AffectedPeople): Promise<boolean> {
  if (users + groups > 0) return true;
  return lastHadLinks(tx, id);
}

interface Asked {
  readonly options: DeletionOptions;
  readonly affected: AffectedPeople;
  readonly cause: Cause;
}

/** The admin repeats the deletion and wants to keep the accounts that still exist. */
async function keepAfterAll(
  tx: Db,
  deps: PropagationDeps,
  connection: ConnectionRecord,
  deletion: Deletion,
  { options, affected, cause }: Asked,
): Promise<void> {
  if (!options.keepAccounts || deletion.keepAccounts) return;
  if (!options.confirmed) refuseUnconfirmed(`the connection ${connection.name}`, affected, options);
  await keepAccounts(tx, deps, connection, cause);
}

export async function keepAccounts(
  tx: Db,
  deps: PropagationDeps,
  connection: ConnectionRecord,
  cause: Cause,
): Promise<void> {
  await keepAccountsFromNowOn(tx, 'connections', connection.id);
  await appendConnectionEvent(tx, deps, connection, cause, 'connection.deleting', {
    after: { keepAccounts: true },
  });
}

/** Shuts the connection: nobody can push to it any more, and another connection becomes the primary one. */
export async function shut(
  tx: Db,
  deps: PropagationDeps,
  connection: ConnectionRecord,
  keeping: boolean,
  cause: Cause,
  affected?: AffectedPeople,
): Promise<void> {
  const since = isoTime(deps.clock.now());
  await startDeletion(tx, 'connections', connection.id, { cause, since, keepAccounts: keeping });
  await deletePulled(tx, connection.id);
  const tokens = await revokeScimTokensOf(tx, connection.id);
  await appendConnectionEvent(tx, deps, connection, cause, 'connection.deleting', {
    after: { keepAccounts: keeping, tokensRevoked: tokens, ...affected },
  });
  const successor = await passOnPrimary(tx, connection);
  if (!successor) return;
  await appendConnectionEvent(tx, deps, successor, cause, 'connection.updated', {
    before: { id: successor.id, name: successor.name, isPrimary: false },
    after: { id: successor.id, name: successor.name, isPrimary: true },
    reason: `${connection.name}, the primary connection so far, is being deleted`,
  });
}

export type Progress = 'done' | 'waiting' | 'more';
type Step = (tx: Db, deps: PropagationDeps, id: string) => Promise<Progress>;

/** Takes this many steps at most, each in its own transaction; the next turn continues after an interruption. */
async function advance(deps: PropagationDeps, id: string, step: Step, steps: number): Promise<Progress> {
  let progress: Progress = 'more';
  for (let n = 0; n < steps && progress === 'more'; n++)
    progress = await transact(deps.db, (tx) => step(tx, deps, id));
  return progress;
}

export async function advanceConnection(deps: PropagationDeps, id: string, steps: number): Promise<Progress> {
  const progress = await advance(deps, id, nextStep, steps);
  deps.wake.signal();
  return progress;
}

/**
 * Only empties the directory. Where several connections are deleted together, the stores are told once, afterwards.
 */
export function emptyConnection(deps: PropagationDeps, id: string, steps: number): Promise<Progress> {
  return advance(deps, id, softDeleteNext, steps);
}

async function softDeleteNext(tx: Db, deps: PropagationDeps, id: string): Promise<Progress> {
  const connection = await lockConnectionEvenDeleted(tx, id);
  const deletion = connection?.deletion;
  if (!connection || !deletion) return 'done';
  const at = isoTime(deps.clock.now());
  if (await softDeletePage(tx, connection, deletion, at)) return 'more';
  const forgot = deletion.keepAccounts && (await forgetPage(tx, at, connection, deletion));
  return forgot ? 'more' : 'done';
}

async function nextStep(tx: Db, deps: PropagationDeps, id: string): Promise<Progress> {
  if ((await softDeleteNext(tx, deps, id)) === 'more') return 'more';
  const connection = await lockConnectionEvenDeleted(tx, id);
  const deletion = connection?.deletion;
  if (!connection || !deletion) return 'done';
  const at = isoTime(deps.clock.now());
  if (await replan(tx, connection, deletion, at)) return 'more';
  if (!deletion.keepAccounts && (await storesStillWork(tx, connection))) return 'waiting';
  if (await softDeleteRow(tx, 'connections', id, at)) {
    const { users, groups } = deletion;
    const after = { users, groups, keepAccounts: deletion.keepAccounts };
    await appendConnectionEvent(tx, deps, connection, deletion.cause, 'connection.deleted', { after });
  }
  return 'done';
}

/**
 * Lets every store plan again, unless accounts are kept and no other connection has these people: then there is
 * nothing to plan.
 */
async function replan(
  tx: Db,
  { id, environmentId }: ConnectionRecord,
  { cause, keepAccounts: keeping }: Deletion,
  at: string,
): Promise<boolean> {
  if (!(await takeReplanning(tx, id, at))) return false;
  if (!keeping || (await countConnections(tx, environmentId)) > 1)
    await replanStores(tx, at, environmentId, cause);
  return true;
}

async function forgetPage(
  tx: Db,
  at: string,
  connection: ConnectionRecord,
  { cause }: Deletion,
): Promise<boolean> {
  for (const kind of ['user', 'group'] as const) {
    const ids = await nextToForget(tx, kind, connection.id, FORGOTTEN_PER_STEP);
    if (ids.length > 0) {
      await forget(tx, at, connection, cause, kind, ids);
      return true;
    }
  }
  return false;
}

async function forget(
  tx: Db,
  at: string,
  { name, environmentId }: ConnectionRecord,
  cause: Cause,
  kind: Kind,
  ids: readonly string[],
): Promise<void> {
  const { links, storeIds } = await forgetSubjects(tx, kind, ids);
  for (const id of storeIds) await releaseBrakeIfClear(tx, { id, environmentId }, at, cause);
  const stores = await storeNames(tx, environmentId);
  await appendEvents(
    tx,
    at,
    links.map((link) => ({
      environmentId,
      cause,
      kind: 'link.deleted',
      subject: { ...link.subject, display: link.remoteName },
      store: { id: link.storeId, name: stores.get(link.storeId) ?? link.storeId },
      outcome: 'success',
      before: {
        remoteId: link.remoteId,
        remoteName: link.remoteName,
        origin: link.origin,
        state: link.state,
      },
      reason: `the connection ${name} was deleted, and accounts are kept`,
    })),
  );
}

function appendConnectionEvent(
  tx: Db,
  deps: PropagationDeps,
  { id, name, strategy, environmentId }: ConnectionRecord,
  cause: Cause,
  kind: EventKind,
  more: { readonly before?: unknown; readonly after: unknown; readonly reason?: string },
) {
  return appendEvent(tx, isoTime(deps.clock.now()), {
    environmentId,
    cause,
    kind,
    outcome: 'success',
    before: { id, name, strategy },
    ...more,
  });
}
