/** Finds each person's manager from what the source says of both. Pure; the table is in docs/design.md. */

import type { SourceUser } from '../../sources/source.ts';
import { firstText, textsOf } from '../resource.ts';

export interface ManagerKeys {
  readonly childKey: string;
  readonly parentKey: string;
  compared(value: string): string;
}

/** By their ids at the source. */
export interface Managers {
  /** From each person to their manager, by their ids at the source. */
  readonly leads: ReadonlyMap<string, string>;
  /**
   * People who name a manager but get none, each with the reason: the manager is missing, is ambiguous, or would lead
   * themselves.
   */
  readonly unled: ReadonlyMap<string, string>;
}

/** The id of the one who has the key; `several` where more than one has it; undefined where nobody has. */
type Holder = string | 'several' | undefined;

interface Named {
  by: Holder;
  /** Somebody who has the value as an alias; it counts only where nobody has it as the key. */
  byAlias: Holder;
}

/**
 * Reads everybody twice, page by page: first which managers they name, then who those managers are. It keeps only
 * keys that somebody names.
 */
export class ManagerIndex {
  readonly #keys: ManagerKeys;
  readonly #named = new Map<string, Named>();
  readonly #manager = new Map<string, Named>();

  constructor(keys: ManagerKeys) {
    this.#keys = keys;
  }

  /** Called for everybody in the first reading. */
  noteChild(user: SourceUser): void {
    if (user.state === 'gone') return;
    const child = firstText(user, [this.#keys.childKey]);
    if (child === null) return;
    const key = this.#keys.compared(child);
    const named = this.#named.get(key) ?? { by: undefined, byAlias: undefined };
    this.#named.set(key, named);
    this.#manager.set(user.id, named);
  }

  /** Called for everybody in the second reading. */
  noteParent(user: SourceUser): void {
    if (user.state === 'gone') return;
    for (const key of textsOf(user, this.#keys.parentKey)) this.#note(key, 'by', user);
    for (const alias of user.aliases ?? []) this.#note(alias, 'byAlias', user);
  }

  #note(key: string, as: keyof Named, { id }: SourceUser): void {
    const named = this.#named.get(this.#keys.compared(key));
    if (named && named[as] !== id) named[as] = named[as] === undefined ? id : 'several';
  }

  join(): Managers {
    const leads = new Map<string, string>();
    const unled = new Map<string, string>();
    for (const [id, named] of this.#manager) {
      const by = named.by ?? named.byAlias;
      if (by === undefined) unled.set(id, `The manager of ${id} is not in the directory.`);
      else if (by === 'several') unled.set(id, `The manager of ${id} could be one of several.`);
      else if (by === id) unled.set(id, `${id} would be their own manager.`);
      else leads.set(id, by);
    }
    for (const id of inLoops(leads)) {
      leads.delete(id);
      unled.set(id, `${id} would be above their own manager.`);
    }
    return { leads, unled };
  }
}

/** People who are their own manager's manager, over any number of levels. */
function inLoops(of: Managers['leads']): ReadonlySet<string> {
  const loops = new Set<string>();
  const settled = new Set<string>();
  for (const start of of.keys()) {
    const path: string[] = [];
    const onPath = new Set<string>();
    let at: string | undefined = start;
    while (at !== undefined && !settled.has(at) && !onPath.has(at)) {
      path.push(at);
      onPath.add(at);
      at = of.get(at);
    }
    if (at !== undefined && onPath.has(at)) for (const id of path.slice(path.indexOf(at))) loops.add(id);
    for (const id of path) settled.add(id);
  }
  return loops;
}

/**
 * How many managers are above this person. Managers are made before the people they lead, who then have a manager to
 * point at.
 */
export function depthOf(id: string, of: Managers['leads']): number {
  let depth = 0;
  for (let at = of.get(id); at !== undefined; at = of.get(at)) depth += 1;
  return depth;
}
