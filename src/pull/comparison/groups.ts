/**
 * Compares the groups of a scan and their members with the directory, nested groups expanded. It goes line by line
 * and keeps one group in memory at a time. Reads only.
 */

import type { Db } from '../../db/open.ts';
import type { LineDetail, NewLine } from '../../db/pull/changes.ts';
import { type KnownGroup, memberSourceIds } from '../../db/pull/directory.ts';
import type { PullRun } from '../../db/pull/runs.ts';
import { type StagedMember, stagedMembers } from '../../db/pull/staging.ts';
import type { SourceLosses } from '../../plan/pull/brake.ts';
import { nameGroups, type ShownGroup } from './groupNames.ts';
import type { Leavers } from './leavers.ts';

const PAGE = 500;

export type GroupLosses = SourceLosses['groups'][number];

export interface GroupsCompared {
  /** Groups that lose members, for the brake. */
  readonly shrinking: readonly GroupLosses[];
  /** How many groups have a name that the directory does not take. */
  readonly refused: number;
  /** How many groups contain themselves. */
  readonly loops: number;
  /** Groups whose list of members the bridge does not believe. */
  readonly doubted: readonly { readonly what: 'members'; readonly id: string; readonly reason: string }[];
}

/** How a line names a person. */
export type NamedPerson = Pick<NewLine, 'subjectId' | 'personId' | 'display'>;

export interface GroupsInput {
  readonly db: Db;
  readonly run: PullRun;
  /** The line of each of these people, by their ids at the source. */
  named(ids: readonly string[]): Promise<ReadonlyMap<string, NamedPerson>>;
  /** The directory has this person, or this run makes them. */
  isPresent(id: string): boolean;
  /**
   * Records that change hands: from the source id of the former holder to that of the new one, who keeps the
   * memberships.
   */
  readonly takenOver: ReadonlyMap<string, string>;
  /** Everybody in the scan, for groups that contain everyone. */
  readonly everyone: ReadonlySet<string>;
  /**
   * People who become inactive or are removed: the brake counts them already, and does not count their memberships
   * again.
   */
  readonly leaving: ReadonlySet<string>;
  /** People who are removed: their memberships end with them, without lines of their own. */
  readonly removed: ReadonlySet<string>;
  /** False where the scan does not prove that a missing member has left. */
  readonly mayLeave: boolean;
  /** People whom the settings leave out, and whom no admin has let go: the lists of members leave them out, too. */
  readonly staying: ReadonlySet<string>;
  /** The directory's groups, by their ids at the source. */
  readonly existing: ReadonlyMap<string, KnownGroup>;
  readonly shown: ReadonlyMap<string, ShownGroup>;
  /** Source ids of the groups that are removed. */
  readonly removedGroups: ReadonlySet<string>;
  /** Those of them that the settings leave out. */
  readonly filteredGroups: ReadonlySet<string>;
  /** Called with the reason why a group stays as it is, and for each group that contains itself. */
  reported(sentence: string): void;
  readonly leavers: Pick<Leavers, 'of'>;
}

/** Compares all groups. `add` takes each line, in order. */
export async function compareGroups(
  input: GroupsInput,
  add: (line: NewLine) => Promise<void>,
): Promise<GroupsCompared> {
  const { db, shown, existing, removedGroups } = input;
  const { lines, present, refusals } = nameGroups(shown, existing, removedGroups);
  for (const refusal of refusals) input.reported(refusal);
  const shrinking: GroupLosses[] = [];
  for (const line of lines) {
    const isFiltered = line.op === 'remove' && input.filteredGroups.has(line.sourceId);
    await add(isFiltered ? { ...line, detail: { filtered: true } } : line);
    if (line.op !== 'remove' || line.subjectId === null) continue;
    const ids = [...(await memberSourceIds(db, line.subjectId))];
    shrinking.push({ name: line.display, members: ids.length, leaving: ids.length });
    // These lines come after the group's own line and belong to it: each is one person's loss.
    const detail: LineDetail = { group: { sourceId: line.sourceId, display: line.display } };
    for await (const one of memberships('leave', ids, detail, input)) await add(one);
  }
  const members = new Members(input);
  const doubted: { what: 'members'; id: string; reason: string }[] = [];
  let loops = 0;
  for (const [id, { display }] of shown) {
    if (!present.has(id)) continue;
    const there = existing.get(id);
    const wanted = await members.of(id);
    if (wanted.isLoop) {
      loops += 1;
      input.reported(`The group ${display} contains itself: it has whoever is in the groups of that circle.`);
    }
    const ids = there ? await memberSourceIds(db, there.id) : [];
    const current = new Set([...ids].map((one) => input.takenOver.get(one) ?? one));
    const detail: LineDetail = { group: { sourceId: id, display } };
    const joins = [...wanted.ids].filter((one) => !current.has(one) && input.isPresent(one));
    for await (const line of memberships('join', joins, detail, input)) await add(line);
    if (!wanted.isWhole || !input.mayLeave) continue;
    const isOver = (one: string) =>
      !wanted.ids.has(one) && !input.removed.has(one) && !input.staying.has(one);
    const missing = [...current].filter(isOver);
    if (missing.length === 0) continue;
    const { ids: leaves, doubt } = await input.leavers.of({ id, name: display }, current, missing);
    if (doubt !== null) doubted.push({ what: 'members', id, reason: doubt });
    if (leaves.length === 0) continue;
    for await (const line of memberships('leave', leaves, detail, input)) await add(line);
    const leaving = leaves.filter((one) => !input.leaving.has(one)).length;
    if (leaving > 0) shrinking.push({ name: display, members: current.size, leaving });
  }
  return { shrinking, refused: refusals.length, loops, doubted };
}

async function* memberships(
  op: 'join' | 'leave',
  ids: readonly string[],
  detail: LineDetail,
  { named }: Pick<GroupsInput, 'named'>,
): AsyncGenerator<NewLine> {
  for (let from = 0; from < ids.length; from += PAGE) {
    const page = ids.slice(from, from + PAGE);
    const people = await named(page);
    for (const id of page) {
      const person = people.get(id) ?? { subjectId: null, personId: null, display: id };
      yield { op, kind: 'user', sourceId: id, detail, ...person };
    }
  }
}

interface MembersOfGroup {
  readonly ids: ReadonlySet<string>;
  /** False where members of the group, or of a group inside it, could not be read: then nobody leaves. */
  readonly isWhole: boolean;
  /** The group contains itself. */
  readonly isLoop: boolean;
}

/** The members of a group, including those of the groups inside it; each group is visited once. */
class Members {
  readonly #input: GroupsInput;
  readonly #unread: ReadonlySet<string | null>;

  constructor(input: GroupsInput) {
    this.#input = input;
    const { unread } = input.run.findings;
    this.#unread = new Set(unread.filter(({ what }) => what === 'members').map(({ id }) => id));
  }

  async of(groupId: string): Promise<MembersOfGroup> {
    const ids = new Set<string>();
    let isWhole = !this.#unread.has(null);
    let isLoop = false;
    const visited = new Set<string>();
    const open = [groupId];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (visited.has(at)) continue;
      visited.add(at);
      const direct: readonly StagedMember[] = await stagedMembers(this.#input.db, this.#input.run.id, at);
      const isDoubted = this.#unread.has(at) || this.#input.shown.get(at)?.isOlder === true;
      if (isDoubted || !direct.some(({ kind }) => kind === 'end')) isWhole = false;
      for (const { kind, id } of direct) {
        if (kind === 'user') ids.add(id);
        else if (kind === 'group') {
          isLoop ||= id === groupId;
          open.push(id);
        } else if (kind === 'everyone') for (const one of this.#input.everyone) ids.add(one);
      }
    }
    return { ids, isWhole, isLoop };
  }
}
