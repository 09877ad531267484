/**
 * Admins make and undo links. Before the bridge makes one, a worker asks the vendor whether the account or group
 * exists; nobody else may have it. Unlinking asks no vendor and leaves everything there as it is.
 */

import { retireLosses, standingOfSubject } from '../db/brake/losses.ts';
import { findGroupOfEnvironment } from '../db/identity/groups.ts';
import { speakingUser } from '../db/identity/persons.ts';
import { findUserOfEnvironment } from '../db/identity/users.ts';
import { type Db, isUniqueViolation } from '../db/open.ts';
import { heirsOf } from '../db/people/namesakes.ts';
import { enqueueForAllStores, enqueueTask, PRIORITY } from '../db/queue/enqueue.ts';
import { closingLeaver } from '../db/queue/leavers.ts';
import { groupsOfAccount } from '../db/seen/groupsAround.ts';
import { forgetGroup } from '../db/seen/ledger.ts';
import { getLinkById } from '../db/seen/linkLists.ts';
import {
  deleteLink,
  getLink,
  getUserLinkByRemoteId,
  groupLinksByRemoteId,
  groupLinksByRemoteIds,
  insertLink,
  type LinkRecord,
  updateLink,
} from '../db/seen/links.ts';
import { getSyncStatus, upsertSyncStatus } from '../db/seen/syncStatuses.ts';
import { lockStore, type StoreRecord } from '../db/stores/stores.ts';
import { send, transact } from '../db/transaction.ts';
import type { Cause } from '../model/cause.ts';
import { RequestError } from '../model/errors.ts';
import type { Remote } from '../model/remote.ts';
import type { Kind, Subject } from '../model/subject.ts';
import { releaseBrakeIfClear } from '../settle/gate/release.ts';
import type { PropagationDeps } from '../stores/deps.ts';
import { storeEvent } from '../stores/storeEvents.ts';
import { secretKeys } from '../stores/storeSecrets.ts';
import type { ReadAnswer } from '../stores/vendorAnswer.ts';
import { isoTime } from '../support/clock.ts';
import { refuseSpared } from './linkChecks.ts';

export interface LinkInput {
  /** For a user, `id` is that of the SCIM user or of the person. */
  readonly subject: Subject;
  readonly remoteId: string;
  /** The admin knows that the account has more rights than others. */
  readonly confirm?: boolean | undefined;
}

type Named = Subject & { readonly display: string };

/**
 * Throws 404 where the environment has no such subject. Throws 409 where the store has no such account or group,
 * where it is protected or privileged without confirmation, where the subject is linked already, or where the account
 * belongs to somebody in the directory. Throws 503 where the vendor gives no clear answer or no worker can ask.
 */
export async function linkByHand(
  deps: PropagationDeps,
  store: StoreRecord,
  input: LinkInput,
  cause: Cause,
): Promise<LinkRecord> {
  refuseUnpinned(deps, store);
  const subject = await resolveSubject(deps.db, store.environmentId, input.subject);
  const { remote, calls } = await readRemote(deps, store, subject.kind, input);
  const link = await refuseRace(store, remote, () =>
    transact(deps.db, async (tx) => {
      const current = await lockStore(tx, store.id);
      if (!current || current.status === 'DELETING') throw gone(store);
      const at = isoTime(deps.clock.now());
      await refuseSpared(tx, deps, current, remote, input.confirm === true);
      const made = await write(tx, current, subject, remote, cause, at);
      await storeEvent(tx, at, current, cause, 'link.created', {
        subject,
        calls,
        after: { remoteId: remote.remoteId, remoteName: remote.display },
      });
      if (current.status === 'ACTIVE')
        await enqueueAfterLink(tx, current, subject, remote.remoteId, cause, at);
      return made;
    }),
  );
  deps.wake.signal();
  return link;
}

/** Until its first good check the store is not pinned to a workspace, so that the remote id could be of any. */
function refuseUnpinned(deps: PropagationDeps, store: StoreRecord): void {
  const definition = deps.connectors.definitionOf(store.type);
  if (store.tenantId !== null || secretKeys(definition).length === 0) return;
  throw new RequestError(
    409,
    `The store ${store.name} was never activated, so it is not pinned to a workspace or instance yet; activate it first.`,
  );
}

function gone(store: StoreRecord): RequestError {
  return new RequestError(409, `The store ${store.name} is being deleted; links are not made any more.`);
}

async function resolveSubject(db: Db, environmentId: string, subject: Subject): Promise<Named> {
  if (subject.kind === 'group') {
    const group = await findGroupOfEnvironment(db, environmentId, subject.id);
    if (group) return { kind: 'group', id: group.id, display: group.displayName };
  } else {
    const user = await findUserOfEnvironment(db, environmentId, subject.id);
    if (user) return { kind: 'user', id: user.personId, display: user.userName };
    const speaking = await speakingUser(db, subject.id);
    if (speaking?.environmentId === environmentId) {
      return { kind: 'user', id: speaking.personId, display: speaking.userName };
    }
  }
  throw new RequestError(404, `The directory has no ${subject.kind} ${subject.id}.`, [
    { pointer: '/subject/id', detail: `there is no ${subject.kind} with this id` },
  ]);
}

async function readRemote(
  { inquiries }: PropagationDeps,
  store: StoreRecord,
  kind: Kind,
  { remoteId }: LinkInput,
): Promise<Extract<ReadAnswer, { outcome: 'found' }>> {
  const reading = await inquiries.read(store, kind, remoteId);
  if (reading.outcome === 'found') return reading;
  const what = kind === 'user' ? 'account' : 'group';
  if (reading.outcome === 'unknown') {
    const doubt = `${store.name} could not say whether it has the ${what} ${remoteId}`;
    throw new RequestError(503, `${doubt}: ${reading.message}`);
  }
  throw new RequestError(409, `${store.name} has no ${what} ${remoteId}.`, [
    { pointer: '/remoteId', detail: `${store.type} says that there is no ${what} with this id` },
  ]);
}

async function write(
  tx: Db,
  store: StoreRecord,
  subject: Named,
  remote: Remote,
  cause: Cause,
  at: string,
): Promise<LinkRecord> {
  const link = await getLink(tx, store.id, subject);
  if (link && link.state !== 'removed') {
    const detail = `${subject.display} is linked to ${link.remoteName} (${link.remoteId}); unlink that first`;
    throw new RequestError(409, `${detail}.`, [{ pointer: '/subject/id', detail }]);
  }
  const owner = subject.kind === 'user' ? await getUserLinkByRemoteId(tx, store.id, remote.remoteId) : null;
  if (owner && !(await isGone(tx, owner))) throw taken(store, remote);
  const reason = `${cause.actor.name} gave the account to ${subject.display}`;
  if (owner) await endLink(tx, store, owner, reason, cause, at);
  const found = { remoteId: remote.remoteId, remoteName: remote.display, origin: 'adopted' as const };
  const state = { ...found, ...stateOf(remote), applied: {} };
  if (!link) {
    return insertLink(tx, { environmentId: store.environmentId, storeId: store.id, subject, ...state }, at);
  }
  await updateLink(tx, link.id, { ...state, membersReadAt: null }, at);
  return { ...link, ...state, membersReadAt: null, updatedAt: at };
}

/** The person of this link has left the directory: somebody else may have the account. */
async function isGone(tx: Db, { subject }: LinkRecord): Promise<boolean> {
  return (await speakingUser(tx, subject.id))?.purgedAt !== null;
}

function taken(store: StoreRecord, remote: Remote): RequestError {
  const detail = `the account ${remote.display} (${remote.remoteId}) is linked to another person on ${store.name}; unlink it there first`;
  return new RequestError(409, `T${detail.slice(1)}.`, [{ pointer: '/remoteId', detail }]);
}

/** A disabled account is linked as in an adoption: the next attempt makes it what the directory says. */
function stateOf(remote: Remote): Pick<LinkRecord, 'state' | 'disabledBy' | 'observed' | 'privileged'> {
  if (remote.kind === 'group') return { state: 'enabled', disabledBy: null, observed: {}, privileged: false };
  const observed = { observed: remote.attributes, privileged: remote.privileged === true };
  switch (remote.state) {
    case 'enabled':
    case 'invited':
      return { state: remote.state, disabledBy: null, ...observed };
    case 'disabled':
      return { state: 'disabled', disabledBy: 'inactive', ...observed };
    case 'locked':
      return { state: 'disabled', disabledBy: 'locked', ...observed };
  }
}

async function refuseRace<T>(store: StoreRecord, remote: Remote, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isUniqueViolation(error)) throw taken(store, remote);
    throw error;
  }
}

/** Also queues the groups in which the account is a member: the person may not be wanted in them. */
async function enqueueAfterLink(
  tx: Db,
  store: StoreRecord,
  { kind, id }: Named,
  remoteId: string,
  cause: Cause,
  at: string,
): Promise<void> {
  const groupIds = kind === 'user' ? await groupsOfAccount(tx, store.id, remoteId) : [];
  const feeders = await groupLinksByRemoteIds(tx, store.id, groupIds);
  const primaries = [...feeders.values()].flatMap(([primary]) => primary?.subject ?? []);
  for (const subject of [{ kind, id }, ...primaries])
    await enqueueTask(tx, store.id, {
      environmentId: store.environmentId,
      subject,
      priority: PRIORITY.normal,
      correlationIds: [cause.correlationId],
      at,
    });
}

/** Queues people who had to wait because the account belonged to this person: one of them may have it now. */
async function enqueueHeirs(
  tx: Db,
  { environmentId }: StoreRecord,
  personId: string,
  { correlationId }: Cause,
  at: string,
): Promise<void> {
  for (const id of await heirsOf(tx, environmentId, personId)) {
    await enqueueForAllStores(tx, {
      environmentId,
      subject: { kind: 'user', id },
      priority: PRIORITY.normal,
      correlationIds: [correlationId],
      at,
    });
  }
}

export async function unlink(
  deps: PropagationDeps,
  store: StoreRecord,
  linkId: string,
  cause: Cause,
): Promise<void> {
  await transact(deps.db, async (tx) => {
    await lockStore(tx, store.id);
    const link = await getLinkById(tx, store.id, linkId);
    if (!link) throw new RequestError(404, `There is no link ${linkId} here.`);
    const reason = `unlinked by ${cause.actor.name}`;
    await endLink(tx, store, link, reason, cause, isoTime(deps.clock.now()));
  });
}

/**
 * Ends a link. Losses that the brake held for it end too. Known memberships of the account are kept, but no longer
 * belong to the person.
 */
async function endLink(
  tx: Db,
  store: StoreRecord,
  { id, subject, ...link }: LinkRecord,
  reason: string,
  cause: Cause,
  at: string,
): Promise<void> {
  await deleteLink(tx, id);
  if (subject.kind === 'user') await enqueueHeirs(tx, store, subject.id, cause, at);
  if (subject.kind === 'user') await send(tx, [closingLeaver(store.id, subject.id)]);
  await forgetMemberships(tx, { id, subject, ...link });
  const held = await standingOfSubject(tx, store.id, subject);
  await retireLosses(
    tx,
    held.map((row) => row.id),
  );
  if (held.length > 0) await releaseBrakeIfClear(tx, store, at, cause);
  const before = await getSyncStatus(tx, store.id, subject);
  await upsertSyncStatus(tx, {
    since: at,
    environmentId: store.environmentId,
    storeId: store.id,
    subject,
    status: 'unsynced',
    reason,
    vendor: null,
    correlationId: cause.correlationId,
    lastSyncAt: before?.lastSyncAt ?? null,
  });
  const { remoteId, remoteName, origin, state } = link;
  await storeEvent(tx, at, store, cause, 'link.deleted', {
    subject,
    before: { remoteId, remoteName, origin, state },
  });
}

async function forgetMemberships(tx: Db, link: LinkRecord): Promise<void> {
  // An account's memberships stay on record: the next person who gets the account must lose the unwanted ones.
  if (link.subject.kind === 'user') return;
  const others = await groupLinksByRemoteId(tx, link.storeId, link.remoteId);
  if (others.length === 0) await forgetGroup(tx, link.storeId, link.remoteId);
}
