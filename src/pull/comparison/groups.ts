/**
 * Compares the groups of a scan and their members, nested ones expanded, with those of the directory: line by line, so
 * that no more than one group is in memory. Reads only.
 */

import type { Db } from '../../db/open.ts';
import type { LineDetail, NewLine } from '../../db/pull/changes.ts';
import { type KnownGroup, memberSourceIds } from '../../db/pull/directory.ts';
import type { PullRun } from '../../db/pull/runs.ts';
import { type StagedMember, stagedMembers, stagedPage } from '../../db/pull/staging.ts';
import { acceptableGroup, trimmedGroup } from '../../directory/identifiers.ts';
import { refusalIn } from '../../directory/refusal.ts';
import type { GroupTag, PullSettings } from '../../model/pull/pull.ts';
import { nameKey } from '../../plan/pull/order.ts';
import type { SourceGroup } from '../../sources/source.ts';
import { pagesOf } from './people.ts';

const PAGE = 500;

export interface GroupsCompared {
  /** For the brake: groups that lose members. */
  readonly shrinking: readonly {
    readonly name: string;
    readonly members: number;
    readonly leaving: number;
  }[];
  /** In the directory, and not in the scan. */
  readonly absent: readonly string[];
  /** How many would have a name that the directory does not take. */
  readonly refused: number;
  /** Groups whose list of members is not believed. */
  readonly doubted: readonly { readonly what: 'members'; readonly id: string; readonly reason: string }[];
}

/** What a line calls somebody. */
export type NamedPerson = Pick<NewLine, 'subjectId' | 'personId' | 'display'>;

export interface GroupsInput {
  readonly db: Db;
  readonly run: PullRun;
  readonly settings: PullSettings;
  /** The line of each of these people, by their ids at the source. */
  named(ids: readonly string[]): Promise<ReadonlyMap<string, NamedPerson>>;
  /** Who is, or will be, in the directory. */
  isPresent(id: string): boolean;
  /** By the id of whoever had a record, that of whoever has it from then on, memberships included. */
  readonly takenOver: ReadonlyMap<string, string>;
  /** Everybody in the scan, for groups of everyone. */
  readonly everyone: ReadonlySet<string>;
  /** Who becomes inactive or is removed: no brake counts their memberships besides. */
  readonly leaving: ReadonlySet<string>;
  /** Who is removed, and so leaves no group by itself. */
  readonly removed: ReadonlySet<string>;
  /** False where the scan proves nothing about who is missing. */
  readonly mayLeave: boolean;
  /** By their ids at the source, those of the directory. */
  readonly existing: ReadonlyMap<string, KnownGroup>;
  /** Hears why a group is left as it is. */
  refused(sentence: string): void;
  /** Why those do not leave the group whom its list has not; null where they do. */
  doubt(
    group: { readonly id: string; readonly name: string },
    ids: readonly string[],
  ): Promise<string | null>;
}

/** `add` takes each line, in order. */
export async function compareGroups(
  input: GroupsInput,
  add: (line: NewLine) => Promise<void>,
): Promise<GroupsCompared> {
  const { db, run, settings, existing } = input;
  const members = new Members(input);
  const shrinking: { name: string; members: number; leaving: number }[] = [];
  const shown = new Set<string>();
  const doubted: { what: 'members'; id: string; reason: string }[] = [];
  /** Whose each name is, as line after line leaves it. */
  const owners = new Map([...existing].map(([id, { displayName }]) => [nameKey(displayName), id]));
  let refused = 0;
  for await (const groups of pagesOf<SourceGroup>((after) => stagedPage(db, run.id, 'group', after, PAGE))) {
    for (const group of groups) {
      shown.add(group.id);
      const there = existing.get(group.id);
      const display = nameHere(group, settings.tags);
      const of = { kind: 'group' as const, sourceId: group.id, personId: null, display };
      if (group.state === 'gone') {
        if (!there) continue;
        owners.delete(nameKey(there.displayName));
        const count = (await memberSourceIds(db, there.id)).size;
        shrinking.push({ name: display, members: count, leaving: count });
        await add({ op: 'remove', ...of, subjectId: there.id, detail: {} });
        continue;
      }
      const isNew = there?.displayName !== display.trim();
      const refusal = isNew ? refusalOf(group.id, display, there, owners) : null;
      if (refusal !== null) {
        refused += 1;
        input.refused(refusal);
        if (!there) continue;
      } else if (!there) {
        await add({ op: 'create', ...of, subjectId: null, detail: {} });
      } else if (isNew) {
        const attributes = [{ name: 'displayName', from: there.displayName, to: display }];
        await add({ op: 'update', ...of, subjectId: there.id, detail: { attributes } });
      }
      const wanted = await members.of(group.id);
      const ids = there ? await memberSourceIds(db, there.id) : [];
      const current = new Set([...ids].map((id) => input.takenOver.get(id) ?? id));
      const detail: LineDetail = { group: { sourceId: group.id, display } };
      const joins = [...wanted.ids].filter((id) => !current.has(id) && input.isPresent(id));
      for await (const line of memberships('join', joins, detail, input)) await add(line);
      if (!wanted.isWhole || !input.mayLeave) continue;
      const leaves = [...current].filter((id) => !wanted.ids.has(id) && !input.removed.has(id));
      if (leaves.length === 0) continue;
      const reason = await input.doubt({ id: group.id, name: display }, leaves);
      if (reason !== null) {
        doubted.push({ what: 'members', id: group.id, reason });
        continue;
      }
      for await (const line of memberships('leave', leaves, detail, input)) await add(line);
      const leaving = leaves.filter((id) => !input.leaving.has(id)).length;
      if (leaving > 0) shrinking.push({ name: display, members: current.size, leaving });
    }
  }
  const absent = run.mode === 'delta' ? [] : [...existing.keys()].filter((id) => !shown.has(id));
  return { shrinking, absent, refused, doubted };
}

/** Why the directory would not take the name; null where it is the group's from now on. */
function refusalOf(
  id: string,
  display: string,
  there: KnownGroup | undefined,
  owners: Map<string, string>,
): string | null {
  const name = nameKey(display);
  const owner = owners.get(name);
  if (owner !== undefined && owner !== id)
    return `${id} has the name ${display}, which another group has too.`;
  const before = there ? { displayName: there.displayName } : null;
  const refusal = refusalIn(() =>
    acceptableGroup(before, trimmedGroup({ displayName: display, externalId: id })),
  );
  if (refusal !== null) return `${id}: ${refusal}`;
  if (there) owners.delete(nameKey(there.displayName));
  owners.set(name, id);
  return null;
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

export function nameHere({ id, name }: Pick<SourceGroup, 'id' | 'name'>, tags: readonly GroupTag[]): string {
  const tag = tags.find(({ externalId, original }) =>
    externalId === undefined ? original === name : externalId === id,
  );
  return tag?.translation ?? name;
}

interface MembersOfGroup {
  readonly ids: ReadonlySet<string>;
  /** False where some of them, or of a group inside, could not be read: then nobody leaves. */
  readonly isWhole: boolean;
}

/** Who is in a group, through groups inside it, each visited once. */
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
    const visited = new Set<string>();
    const open = [groupId];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (visited.has(at)) continue;
      visited.add(at);
      const direct: readonly StagedMember[] = await stagedMembers(this.#input.db, this.#input.run.id, at);
      if (this.#unread.has(at) || !direct.some(({ kind }) => kind === 'end')) isWhole = false;
      for (const { kind, id } of direct) {
        if (kind === 'user') ids.add(id);
        else if (kind === 'group') open.push(id);
        else if (kind === 'everyone') for (const one of this.#input.everyone) ids.add(one);
      }
    }
    return { ids, isWhole };
  }
}
