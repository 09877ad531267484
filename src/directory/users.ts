/**
 * SCIM writes to a user. Each is one transaction that writes the row, its person, the tasks for every store and the
 * event, or none of them. It never calls a vendor.
 */

import { retiringLossesOfPerson } from '../db/brake/losses.ts';
import { lower } from '../db/columns.ts';
import { eventInsert, savingEvents } from '../db/events.ts';
import { groupIdsOfUser, removeUserFromGroups } from '../db/identity/groupMembers.ts';
import { lockGroups, raiseGroupVersions } from '../db/identity/groups.ts';
import { speakingUser } from '../db/identity/persons.ts';
import {
  findUser,
  lockUser,
  replaceUserResource,
  softDeleteUser,
  type UserRecord,
} from '../db/identity/users.ts';
import { lockShownUser, type ShownUser } from '../db/lists/users.ts';
import { type Db, isUniqueViolation } from '../db/open.ts';
import { type Around, lookAround } from '../db/people/around.ts';
import { addingToCause } from '../db/queue/causes.ts';
import {
  type Enqueue,
  enqueueForAllStores,
  enqueueTask,
  enqueueTasks,
  PRIORITY,
} from '../db/queue/enqueue.ts';
import { closingLeaverEverywhere } from '../db/queue/leavers.ts';
import { cancellingRemovals } from '../db/queue/removals.ts';
import { groupsHoldingPerson } from '../db/seen/ledger.ts';
import { send, together } from '../db/transaction.ts';
import { isActive, type Resource } from '../model/resource.ts';
import { isoTime } from '../support/clock.ts';
import {
  arrive,
  askWhetherKnown,
  asMapped,
  comesAsAnother,
  leaveToOthers,
  matchedEmail,
  writeOver,
} from './arrivals.ts';
import { acceptableUser, trimmedUser } from './identifiers.ts';
import { describeOrigin, whyFiltered } from './origin.ts';
import { DirectoryRefusal } from './refusal.ts';
import { type UserEvent, userEvent } from './userEvents.ts';
import {
  asStored,
  checkPrecondition,
  type Directory,
  differences,
  inTransaction,
  type Precondition,
  sameResource,
  taskOf,
  type Write,
} from './write.ts';

/** The user is active unless the resource says otherwise. Throws DirectoryRefusal: taken, invalidValue. */
export async function createUser(
  directory: Directory,
  write: Write,
  resource: Resource,
): Promise<UserRecord> {
  const stored = acceptableUser(null, asStored(trimmedUser({ ...resource, active: isActive(resource) })));
  const at = isoTime(directory.clock.now());
  const hash = await directory.identifierHash();
  const { user, queued } = await refusingTakenNames(
    () => stored,
    () =>
      inTransaction(directory, write, async (tx) => {
        const { created, how, hasStores } = await arrive(tx, write, stored, at, hash);
        const known = how !== 'new';
        const isSpeaking = known && (await speakingUser(tx, created.personId))?.id === created.id;
        // The person was active in another connection; this one speaks for them now, and says inactive.
        const left = how === 'matched' && isSpeaking && !created.active;
        if (left) await send(tx, [countingLoss(write, at)]);
        else if (isSpeaking) await send(tx, callingLeavingOff(created.personId));
        const priority = left ? PRIORITY.leaver : PRIORITY.normal;
        if (hasStores) await enqueueForAllStores(tx, personTask(write, created.personId, priority, at));
        if (known) await enqueueGroupsHolding(tx, write, created.personId, at);
        return { user: created, queued: hasStores };
      }),
  );
  // During the first import no store is active, so no worker needs waking.
  if (queued) directory.wake.signal();
  return user;
}

export interface UserChange {
  readonly precondition: Precondition | null;
  /** Answers the user's groups too, as they were before the change. */
  readonly withGroups?: boolean;
  /** Pure: makes the new resource from the current one. If it throws, nothing is written. */
  edit(current: Resource): Resource;
}

/**
 * Replaces or patches the user under the row's lock. If nothing changes, there is no new version, task or event.
 * Throws DirectoryRefusal: notFound, versionMismatch, taken, invalidValue; and whatever `edit` throws.
 */
export async function changeUser(
  directory: Directory,
  write: Write,
  id: string,
  change: UserChange,
): Promise<ShownUser> {
  const at = isoTime(directory.clock.now());
  const hash = await directory.identifierHash();
  let attempted: Resource = {};
  const lock = change.withGroups ? lockShownUser : lockUser;
  const { user, groups, queued } = await refusingTakenNames(
    () => attempted,
    () =>
      inTransaction(directory, write, async (tx) => {
        const found: ShownUser | null = await lock(tx, write.connectionId, id);
        if (!found) throw noSuchUser(id);
        checkPrecondition(found.version, change.precondition);
        const edited = asStored(trimmedUser(change.edit(found.resource)));
        attempted = acceptableUser(found.resource, edited);
        if (sameResource(found.resource, attempted))
          return { user: found, groups: found.groups, queued: false };
        const current = (await comesAsAnother(tx, write, found, attempted, hash))
          ? await writeOver(tx, write, found, at)
          : found;
        const mapped = { from: asMapped(write, current.resource), to: asMapped(write, attempted) };
        const [updated, seen] = await together(
          replaceUserResource(tx, current, attempted, at, mapped),
          around(tx, write, current, attempted),
        );
        await recordUserChange(tx, write, { before: current, after: updated, around: seen, at });
        const queued = seen.storeIds.length > 0;
        if (namesOf(current.resource) !== namesOf(attempted))
          await askWhetherKnown(tx, write, updated, at, hash);
        if (current !== found) await leaveToOthers(tx, write, found.personId, at, hash);
        return { user: updated, groups: found.groups, queued };
      }),
  );
  if (queued) directory.wake.signal();
  return groups ? { ...user, groups } : user;
}

function namesOf({ userName, emails }: Resource): string {
  return JSON.stringify([userName, emails]);
}

/** The person is back: losses that were on their way to stores do not happen. */
function callingLeavingOff(personId: string) {
  return [retiringLossesOfPerson(personId), cancellingRemovals(personId), closingLeaverEverywhere(personId)];
}

/** Whom a change concerns beside the user. */
function around(tx: Db, write: Write, before: UserRecord, after: Resource): Promise<Around> {
  const left = before.active && !isActive(after);
  const returned = !before.active && isActive(after);
  const freesAddress = left || matchedEmail(write, before.resource) !== matchedEmail(write, after);
  return lookAround(tx, {
    ...{ environmentId: write.environmentId, personId: before.personId },
    asksSpeaker: left || returned,
    freedAddress: before.active && freesAddress ? addressOf(write, before) : null,
    // Groups that were planned while the person was inactive left the person out.
    asksGroups: returned,
  });
}

/** In lower case. */
function addressOf(write: Write, user: UserRecord): string | null {
  const address = matchedEmail(write, user.resource);
  return address === null ? null : lower(address);
}

interface Recorded {
  readonly before: UserRecord;
  readonly after: UserRecord;
  readonly around: Around;
  readonly at: string;
}

async function recordUserChange(tx: Db, write: Write, change: Recorded): Promise<void> {
  const { before, after, around, at } = change;
  const { storeIds } = around;
  // Other users of the person change nothing on stores.
  const isSpeaking = around.speakerId === after.id;
  const left = before.active && !after.active;
  const returned = !before.active && after.active;
  const event = userEvent(write, after, {
    kind: left ? 'user.deactivated' : returned ? 'user.activated' : 'user.updated',
    ...differences(before.resource, after.resource),
  });
  const counted = left && isSpeaking ? [countingLoss(write, at)] : [];
  const calledOff = returned && isSpeaking ? callingLeavingOff(after.personId) : [];
  await send(tx, [...counted, ...calledOff, savingEvents([eventInsert(at, event)])]);
  const priority = left && isSpeaking ? PRIORITY.leaver : PRIORITY.normal;
  await enqueueTasks(tx, storeIds, personTask(write, after.personId, priority, at));
  for (const id of around.yielding) await enqueueTasks(tx, storeIds, taskOf(write, { kind: 'user', id }, at));
  for (const id of isSpeaking ? around.groupIds : []) {
    const people = [after.personId];
    await enqueueTasks(tx, storeIds, { ...taskOf(write, { kind: 'group', id }, at), people });
  }
}

/** Deletes the user and its memberships. Throws DirectoryRefusal: notFound, versionMismatch. */
export async function deleteUser(
  directory: Directory,
  write: Write,
  id: string,
  precondition: Precondition | null,
): Promise<void> {
  const at = isoTime(directory.clock.now());
  const hash = await directory.identifierHash();
  const filtered = whyFiltered(write.origin);
  await inTransaction(directory, write, async (tx) => {
    if (!(await findUser(tx, write.connectionId, id))) throw noSuchUser(id);
    // Every write locks groups before users: the other order would deadlock.
    await lockGroups(tx, await groupIdsOfUser(tx, id));
    const user = await lockUser(tx, write.connectionId, id);
    if (!user) throw noSuchUser(id);
    checkPrecondition(user.version, precondition);
    const { speakerId, yielding } = await lookAround(tx, {
      ...{ environmentId: write.environmentId, personId: user.personId },
      ...{ asksSpeaker: true, freedAddress: addressOf(write, user), asksGroups: false },
    });
    const groupIds = await removeUserFromGroups(tx, id);
    await raiseGroupVersions(tx, groupIds, at);
    await softDeleteUser(tx, user, at, filtered !== null);
    await send(tx, [countingLoss(write, at)]);
    const priority = speakerId === id ? PRIORITY.leaver : PRIORITY.normal;
    await enqueueForAllStores(tx, personTask(write, user.personId, priority, at));
    for (const heir of yielding) await enqueueForAllStores(tx, taskOf(write, { kind: 'user', id: heir }, at));
    if (await speakingUser(tx, user.personId)) await enqueueGroupsHolding(tx, write, user.personId, at);
    else await leaveToOthers(tx, write, user.personId, at, hash);
    const event: UserEvent = {
      ...(filtered === null ? { kind: 'user.deleted' } : { kind: 'user.filtered', reason: filtered }),
      before: { id, userName: user.userName, active: user.active, groups: groupIds.length },
    };
    await send(tx, [savingEvents([eventInsert(at, userEvent(write, user, event))])]);
  });
  directory.wake.signal();
}

function noSuchUser(id: string): DirectoryRefusal {
  return new DirectoryRefusal('notFound', `There is no user ${id}.`);
}

async function refusingTakenNames<T>(resource: () => Resource, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const { userName } = resource();
    throw new DirectoryRefusal('taken', `The userName "${userName}" belongs to another user already.`);
  }
}

function countingLoss(write: Write, at: string) {
  return addingToCause({
    correlationId: write.cause.correlationId,
    storeId: '',
    description: describeOrigin(write.origin),
    people: 1,
    at,
  });
}

function personTask(write: Write, personId: string, priority: number, at: string): Enqueue {
  return { ...taskOf(write, { kind: 'user', id: personId }, at), priority };
}

/**
 * Queues groups on stores. When Ada's user was deleted, her memberships ended in the directory, but stores only
 * disabled her accounts and revoked nothing. Now that she is there, again or still, stores must revoke them.
 */
async function enqueueGroupsHolding(tx: Db, write: Write, personId: string, at: string) {
  for (const { storeId, groupId } of await groupsHoldingPerson(tx, personId)) {
    await enqueueTask(tx, storeId, taskOf(write, { kind: 'group', id: groupId }, at));
  }
}
