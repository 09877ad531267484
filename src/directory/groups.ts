/**
 * SCIM writes to a group and its memberships. Each is one transaction that writes the rows, the group's task and the
 * event, or none of them. It never queues tasks for the members: the worker does that.
 */

import { eventInsert, savingEvents } from '../db/events.ts';
import { removeAllMembers, someMembers } from '../db/identity/groupMembers.ts';
import {
  type GroupRecord,
  insertGroup,
  lockGroup,
  replaceGroupResource,
  softDeleteGroup,
} from '../db/identity/groups.ts';
import { type Db, isUniqueViolation } from '../db/open.ts';
import { addingToCause } from '../db/queue/causes.ts';
import { isHint } from '../db/queue/changedMembers.ts';
import { enqueueForAllStores } from '../db/queue/enqueue.ts';
import { send, together } from '../db/transaction.ts';
import type { EventKind } from '../model/eventKinds.ts';
import type { Resource } from '../model/resource.ts';
import { isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import { acceptableGroup, trimmedGroup } from './identifiers.ts';
import { applyMemberEdits, type MemberDifference, type MemberEdit } from './members.ts';
import { describeOrigin, requestOf, whyFiltered } from './origin.ts';
import { DirectoryRefusal } from './refusal.ts';
import { enterRules, rememberMembers, sayGroupGone } from './ruledGroups.ts';
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

/** An event names this many members and counts the rest. */
const MEMBERS_IN_EVENT_MAX = 20;

/** Throws DirectoryRefusal: taken, invalidValue (an unknown member). */
export async function createGroup(
  directory: Directory,
  write: Write,
  resource: Resource,
  memberIds: readonly string[],
): Promise<GroupRecord> {
  const stored = acceptableGroup(null, asStored(trimmedGroup(resource)));
  const at = isoTime(directory.clock.now());
  const group = await refusingTakenNames(
    () => stored,
    () =>
      inTransaction(directory, write, async (tx) => {
        const { environmentId, connectionId } = write;
        const created = await insertGroup(tx, {
          id: newId(),
          environmentId,
          connectionId,
          resource: stored,
          createdAt: at,
        });
        const members = await applyMemberEdits(tx, { connectionId, groupId: created.id, at }, [
          { op: 'add', ids: memberIds },
        ]);
        await enterRules(tx, created, write.cause, at);
        await enqueueGroup(tx, write, created, at);
        await appendGroupEvent(tx, write, created, at, {
          kind: 'group.created',
          after: { id: created.id, ...stored, ...membersInEvent(members) },
        });
        return created;
      }),
  );
  directory.wake.signal();
  return group;
}

export interface GroupEdit {
  readonly resource: Resource;
  readonly members: readonly MemberEdit[];
}

export interface GroupChange {
  readonly precondition: Precondition | null;
  /**
   * Pure: makes the new group from the current one, which comes without members. If it throws, nothing is written.
   */
  edit(current: Resource): GroupEdit;
}

/**
 * Replaces or patches the group under its lock, and writes only the memberships that differ. If nothing changes,
 * there is no new version, task or event. Throws DirectoryRefusal: notFound, versionMismatch, taken, invalidValue;
 * and whatever `edit` throws.
 */
export async function changeGroup(
  directory: Directory,
  write: Write,
  id: string,
  change: GroupChange,
): Promise<GroupRecord> {
  const at = isoTime(directory.clock.now());
  let attempted: Resource = {};
  const { group, changed } = await refusingTakenNames(
    () => attempted,
    () =>
      inTransaction(directory, write, async (tx) => {
        const current = await lockGroup(tx, write.connectionId, id);
        if (!current) throw noSuchGroup(id);
        checkPrecondition(current.version, change.precondition);
        const edited = change.edit(current.resource);
        attempted = acceptableGroup(current.resource, asStored(trimmedGroup(edited.resource)));
        const { connectionId } = write;
        const members = await applyMemberEdits(tx, { connectionId, groupId: id, at }, edited.members);
        const moved = members.added.length + members.removed.length > 0;
        if (!moved && sameResource(current.resource, attempted)) return { group: current, changed: false };
        const updated = await replaceGroupResource(tx, current, attempted, at);
        if (updated.externalId !== current.externalId) await enterRules(tx, updated, write.cause, at);
        await recordGroupChange(tx, write, current, updated, members, at);
        return { group: updated, changed: true };
      }),
  );
  if (changed) directory.wake.signal();
  return group;
}

async function recordGroupChange(
  tx: Db,
  write: Write,
  before: GroupRecord,
  after: GroupRecord,
  members: MemberDifference,
  at: string,
) {
  const changed = differences(before.resource, after.resource);
  await together(
    countLosses(tx, write, members.removed.length, at),
    enqueueGroup(tx, write, after, at, changedPeople(before, after, members)),
    appendGroupEvent(tx, write, after, at, {
      kind: 'group.updated',
      before: changed.before,
      after: { ...changed.after, ...membersInEvent(members) },
    }),
  );
}

/** Ends every membership of the group. Throws DirectoryRefusal: notFound, versionMismatch. */
export async function deleteGroup(
  directory: Directory,
  write: Write,
  id: string,
  precondition: Precondition | null,
): Promise<void> {
  const at = isoTime(directory.clock.now());
  await inTransaction(directory, write, async (tx) => {
    const group = await lockGroup(tx, write.connectionId, id);
    if (!group) throw noSuchGroup(id);
    checkPrecondition(group.version, precondition);
    const named = await someMembers(tx, id, MEMBERS_IN_EVENT_MAX);
    const rules = await rememberMembers(tx, group);
    const removed = await removeAllMembers(tx, id);
    const filtered = whyFiltered(write.origin);
    await softDeleteGroup(tx, group, at, filtered !== null);
    await countLosses(tx, write, removed, at);
    await enqueueGroup(tx, write, group, at);
    await appendGroupEvent(tx, write, group, at, {
      kind: 'group.deleted',
      ...(filtered === null ? {} : { reason: filtered }),
      before: { id, displayName: group.displayName, members: { removed, removedIds: named } },
    });
    await sayGroupGone(tx, group, rules, write.cause, at);
  });
  directory.wake.signal();
}

function noSuchGroup(id: string): DirectoryRefusal {
  return new DirectoryRefusal('notFound', `There is no group ${id}.`);
}

async function refusingTakenNames<T>(resource: () => Resource, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const { displayName } = resource();
    throw new DirectoryRefusal('taken', `The displayName "${displayName}" belongs to another group already.`);
  }
}

function membersInEvent({ added, removed }: MemberDifference): Record<string, unknown> {
  if (added.length + removed.length === 0) return {};
  return {
    members: {
      added: added.length,
      addedIds: added.slice(0, MEMBERS_IN_EVENT_MAX),
      removed: removed.length,
      removedIds: removed.slice(0, MEMBERS_IN_EVENT_MAX),
    },
  };
}

/** Ending more memberships may take longer than a request has. */
const ENDED_IN_TIME_MAX = 10_000;

async function countLosses(tx: Db, write: Write, people: number, at: string): Promise<void> {
  if (people === 0) return;
  if (people > ENDED_IN_TIME_MAX) write.deadline?.goOn();
  const cause = {
    correlationId: write.cause.correlationId,
    storeId: '',
    description: describeOrigin(write.origin),
    people,
    at,
  };
  await send(tx, [addingToCause(cause)]);
}

/**
 * The people whose membership changed. Null where something else changed too, or more people than a task remembers.
 */
function changedPeople(
  before: GroupRecord,
  after: GroupRecord,
  { people }: MemberDifference,
): readonly string[] | null {
  const changed = [...people];
  return isHint(changed) && sameResource(before.resource, after.resource) ? changed : null;
}

/** `people`: only their memberships changed; null where anything may have changed. */
async function enqueueGroup(
  tx: Db,
  write: Write,
  group: GroupRecord,
  at: string,
  people: readonly string[] | null = null,
): Promise<void> {
  await enqueueForAllStores(tx, { ...taskOf(write, { kind: 'group', id: group.id }, at), people });
}

interface GroupEvent {
  readonly kind: EventKind;
  readonly before?: unknown;
  readonly after?: unknown;
}

async function appendGroupEvent(tx: Db, write: Write, group: GroupRecord, at: string, event: GroupEvent) {
  const written = eventInsert(at, {
    environmentId: write.environmentId,
    cause: write.cause,
    subject: { kind: 'group', id: group.id, display: group.displayName },
    outcome: 'success',
    ...requestOf(write.origin),
    ...event,
  });
  await send(tx, [savingEvents([written])]);
}
