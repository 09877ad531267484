/**
 * Works out from the edits of one request which membership rows to add and which to remove. It writes only those, and
 * reads only what they need. The caller has locked the group's row.
 */

import { chunks } from '../db/chunks.ts';
import { addMembers, memberIdPages, personsOfKnown, removeMembers } from '../db/identity/groupMembers.ts';
import { findGroup } from '../db/identity/groups.ts';
import type { Db } from '../db/open.ts';
import { giveWay } from '../support/turns.ts';
import { DirectoryRefusal } from './refusal.ts';

/** One step of a request; steps are applied in order. Ids are users' ids. */
export type MemberEdit =
  | { readonly op: 'add' | 'remove' | 'replace'; readonly ids: readonly string[] }
  | { readonly op: 'removeAll' };

export interface MemberDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** The persons of all of them. */
  readonly people: ReadonlySet<string>;
}

/** The result of a sequence of edits. */
interface Outcome {
  /** False where an edit replaced all members. */
  keepsOthers: boolean;
  readonly add: Set<string>;
  /** Empty where all members were replaced. */
  readonly remove: Set<string>;
}

async function fold(edits: readonly MemberEdit[]): Promise<Outcome> {
  const outcome: Outcome = { keepsOthers: true, add: new Set(), remove: new Set() };
  for (const edit of edits) {
    if (edit.op === 'replace' || edit.op === 'removeAll') {
      outcome.keepsOthers = false;
      outcome.remove.clear();
      outcome.add.clear();
    }
    if (edit.op === 'removeAll') continue;
    for (const ids of chunks(edit.ids)) {
      await giveWay();
      for (const id of ids) foldOne(outcome, edit.op, id);
    }
  }
  return outcome;
}

function foldOne({ keepsOthers, add, remove }: Outcome, op: 'add' | 'remove' | 'replace', id: string): void {
  if (op === 'remove') {
    add.delete(id);
    if (keepsOthers) remove.add(id);
  } else {
    remove.delete(id);
    add.add(id);
  }
}

export interface MembersOf {
  readonly connectionId: string;
  readonly groupId: string;
  /** ISO time */
  readonly at: string;
}

/**
 * Adding somebody who is a member, or removing somebody who is none, succeeds without effect. Throws DirectoryRefusal
 * invalidValue with the first id that is no user of the connection.
 */
export async function applyMemberEdits(
  tx: Db,
  group: MembersOf,
  edits: readonly MemberEdit[],
): Promise<MemberDifference> {
  const { keepsOthers, add, remove } = await fold(edits);
  if (keepsOthers) return write(tx, group, [...add], [...remove]);
  const gone: string[] = [];
  for await (const ids of memberIdPages(tx, group.groupId)) {
    for (const id of ids) if (!add.delete(id)) gone.push(id);
  }
  return write(tx, group, [...add], gone);
}

async function write(
  tx: Db,
  group: MembersOf,
  add: readonly string[],
  remove: readonly string[],
): Promise<MemberDifference> {
  const known = await personsOfKnown(tx, group.connectionId, add);
  const unknown = add.find((id) => !known.has(id));
  if (unknown !== undefined) throw await refusalOf(tx, group, unknown);
  const removed = await removeMembers(tx, group.groupId, remove);
  const added = await addMembers(tx, group.groupId, add, group.at);
  const people = new Set(removed.values());
  for (const id of added) people.add(known.get(id) as string);
  return { added, removed: [...removed.keys()], people };
}

async function refusalOf(tx: Db, group: MembersOf, unknown: string): Promise<DirectoryRefusal> {
  const nested = await findGroup(tx, group.connectionId, unknown);
  return new DirectoryRefusal(
    'invalidValue',
    nested
      ? `${unknown} is a group: groups cannot be members of groups here.`
      : `There is no user ${unknown} to be a member.`,
  );
}
