/**
 * Says who leaves a group among those whom the list of its members lacks. A list may lack people because the source
 * hides them, or because they, or a group inside that has them, are not read any more: these stay. Reads only.
 */

import type { CallContext } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import { groupsWithSome, type KnownGroup, memberSourceIds } from '../../db/pull/directory.ts';
import type { Kind } from '../../model/subject.ts';
import type { Source } from '../../sources/source.ts';
import { doubtLeavers, LOOKUPS_MAX, lookUp, seenAs } from '../absent.ts';

export interface LeaversInput {
  readonly db: Db;
  /** Its look-ups carry what is known. */
  readonly source: Pick<Source, 'lookup' | 'isMember'>;
  readonly context: CallContext;
  /** What is known without asking: whom the scan shows, and in a full scan everybody who is still in question. */
  isSettled(kind: Kind, id: string): boolean;
  /** The directory's groups, by their ids at the source. */
  readonly existing: ReadonlyMap<string, KnownGroup>;
}

export interface Leaving {
  readonly ids: readonly string[];
  /** Why nobody leaves the group although its list is shorter; null where the list is believed. */
  readonly doubt: string | null;
}

/** `leftOut`: still there, and not read any more. */
type Standing = 'settled' | 'leftOut' | 'unknown';

export class Leavers {
  readonly #input: LeaversInput;
  readonly #standings = new Map<string, Standing>();
  /** Groups of which the scan says nothing, from the id in the directory to the one at the source. */
  readonly #silent: ReadonlyMap<string, string>;

  constructor(input: LeaversInput) {
    this.#input = input;
    const silent = [...input.existing].filter(([id]) => !input.isSettled('group', id));
    this.#silent = new Map(silent.map(([sourceId, { id }]) => [id, sourceId]));
  }

  /** `current`: the group's members in the directory; `missing`: those of them whom its list lacks. */
  async of(
    group: { readonly id: string; readonly name: string },
    current: ReadonlySet<string>,
    missing: readonly string[],
  ): Promise<Leaving> {
    const ids = new Set(missing);
    const unsure = (id: string) => ({
      ids: [],
      doubt: `The list of the members of ${group.name} came without ${id}, whom the source does not show either: nobody leaves the group.`,
    });
    for (const id of missing) {
      const standing = await this.#standingOf('user', id);
      if (standing === 'unknown') return unsure(id);
      if (standing === 'leftOut') ids.delete(id);
    }
    for await (const { id, members } of this.#inside(current, [...ids])) {
      const standing = await this.#standingOf('group', id);
      if (standing === 'unknown') return unsure(id);
      if (standing === 'leftOut') for (const one of members) ids.delete(one);
    }
    const { source, context } = this.#input;
    const doubt = await doubtLeavers(source, group, [...ids], context);
    return { ids: doubt === null ? [...ids] : [], doubt };
  }

  /** Groups that may have been inside this one, because all of their members are in it. */
  async *#inside(current: ReadonlySet<string>, missing: readonly string[]) {
    if (this.#silent.size === 0 || missing.length === 0) return;
    const { db } = this.#input;
    for (const here of await groupsWithSome(db, [...this.#silent.keys()], missing)) {
      const members = await memberSourceIds(db, here);
      const id = this.#silent.get(here);
      if (id !== undefined && [...members].every((one) => current.has(one))) yield { id, members };
    }
  }

  async #standingOf(kind: Kind, id: string): Promise<Standing> {
    const { source, context, isSettled } = this.#input;
    if (isSettled(kind, id)) return 'settled';
    const key = `${kind} ${id}`;
    const known = this.#standings.get(key);
    if (known) return known;
    if (this.#standings.size >= LOOKUPS_MAX) return 'unknown';
    const is = seenAs(await lookUp(source, kind, id, context));
    const standing = is === 'unknown' ? is : is === 'foundOutOfScope' ? 'leftOut' : 'settled';
    this.#standings.set(key, standing);
    return standing;
  }
}
