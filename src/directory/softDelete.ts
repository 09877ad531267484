/**
 * Soft-deletes the users and groups of a connection that is being deleted, one page in each transaction, each with an
 * event. Where another connection has the same people and groups, it speaks for them from then on, and rules name its
 * groups. It queues nothing: the caller makes the stores plan again.
 */

import { lower } from '../db/columns.ts';
import { appendEvents, type NewEvent } from '../db/events.ts';
import type { ConnectionRecord } from '../db/identity/connections.ts';
import { type Deletion, recordSoftDeleted } from '../db/identity/deletions.ts';
import { type GroupRecord, softDeleteGroup } from '../db/identity/groups.ts';
import { speakingUsers } from '../db/identity/persons.ts';
import { sameGroupElsewhere } from '../db/identity/sameGroups.ts';
import {
  groupsToSoftDelete,
  removeSomeMembers,
  softDeleteUsers,
  usersToSoftDelete,
} from '../db/identity/tombstones.ts';
import type { UserRecord } from '../db/identity/users.ts';
import type { Db } from '../db/open.ts';
import { setSpeaker, type Word, wordsOf } from '../db/people/speakers.ts';
import { rulesNaming } from '../db/stores/rules.ts';
import type { Cause } from '../model/cause.ts';
import { sayGroupGone, standInRules } from './ruledGroups.ts';

const USERS_PER_PAGE = 200;
const GROUPS_PER_PAGE = 50;
const MEMBERS_PER_PAGE = 5_000;

/** Deletes the next page. False where nothing was left. The caller has locked the connection. */
export async function softDeletePage(
  tx: Db,
  connection: ConnectionRecord,
  deletion: Deletion,
  at: string,
): Promise<boolean> {
  // Groups first: every write that changes members locks a group before its users.
  const groups = await groupsToSoftDelete(tx, connection.id, GROUPS_PER_PAGE);
  if (groups.length > 0) {
    for (const group of groups) await passRules(tx, group, deletion.cause, at);
    const deleted = await softDeleteGroups(tx, groups, at);
    await recordSoftDeleted(tx, connection.id, { ...deletion, groups: deletion.groups + deleted.length });
    await appendDeletionEvents(tx, at, connection, deletion, deleted.map(groupDeleted));
    // An admin was told whom this affects and deleted the connection: the brake holds nothing for it.
    for (const group of deleted) {
      const rules = await rulesNaming(tx, group.environmentId, [group.id]);
      await sayGroupGone(tx, group, rules, deletion.cause, at);
    }
    return true;
  }
  const users = await usersToSoftDelete(tx, connection.id, USERS_PER_PAGE);
  if (users.length === 0) return false;
  const words = await wordsOf(
    tx,
    connection.id,
    users.map(({ personId }) => personId),
  );
  await softDeleteUsers(
    tx,
    users.map((user) => user.id),
    at,
  );
  await passSpeakers(tx, words);
  await recordSoftDeleted(tx, connection.id, { ...deletion, users: deletion.users + users.length });
  await appendDeletionEvents(tx, at, connection, deletion, users.map(userDeleted));
  return true;
}

/** Answers the deleted groups. The last group of the page may be so large that it only loses some of its members. */
async function softDeleteGroups(
  tx: Db,
  groups: readonly GroupRecord[],
  at: string,
): Promise<readonly GroupRecord[]> {
  const deleted: GroupRecord[] = [];
  let room = MEMBERS_PER_PAGE;
  for (const group of groups) {
    room -= await removeSomeMembers(tx, group.id, room);
    if (room <= 0) return deleted;
    await softDeleteGroup(tx, group, at);
    deleted.push(group);
  }
  return deleted;
}

type DeletionEvent = Pick<NewEvent, 'kind' | 'subject' | 'before'>;

function userDeleted({ id, personId, userName, active }: UserRecord): DeletionEvent {
  return {
    kind: 'user.deleted',
    subject: { kind: 'user', id: personId, display: userName },
    before: { id, userName, active },
  };
}

function groupDeleted({ id, displayName }: GroupRecord): DeletionEvent {
  return {
    kind: 'group.deleted',
    subject: { kind: 'group', id, display: displayName },
    before: { id, displayName },
  };
}

async function appendDeletionEvents(
  tx: Db,
  at: string,
  { name, environmentId }: ConnectionRecord,
  { cause }: Deletion,
  events: readonly DeletionEvent[],
): Promise<void> {
  const common = {
    environmentId,
    cause,
    outcome: 'success',
    reason: `the connection ${name} was deleted`,
  } as const;
  await appendEvents(
    tx,
    at,
    events.map((event) => ({ ...common, ...event })),
  );
}

/**
 * Another connection that has these people speaks for them from now on, if that changes neither access nor identity.
 */
async function passSpeakers(tx: Db, words: readonly Word[]): Promise<void> {
  const speaking = await speakingUsers(
    tx,
    words.map(({ personId }) => personId),
  );
  for (const word of words) {
    const next = speaking.get(word.personId);
    if (!next || (next.active && !word.active)) continue;
    const isSame = lower(next.userName) === word.userName && next.primaryEmail === word.primaryEmail;
    if (isSame) await setSpeaker(tx, word.personId, next.connectionId);
  }
}

/**
 * Called before the members go: a rule that names the group names the same group of another connection from now on.
 */
async function passRules(tx: Db, group: GroupRecord, cause: Cause, at: string): Promise<void> {
  if ((await rulesNaming(tx, group.environmentId, [group.id])).length === 0) return;
  const same = await sameGroupElsewhere(tx, group);
  if (same) await standInRules(tx, same, [group.id], 'is the same group in another connection', cause, at);
}
