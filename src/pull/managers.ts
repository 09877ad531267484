/** Who is whose manager, by what the source says of both. Pure; the table is in docs/design.md. */

import type { SourceUser } from '../sources/source.ts';
import { firstText } from './resource.ts';

export interface ManagerKeys {
  readonly childKey: string;
  readonly parentKey: string;
  compared(value: string): string;
}

export interface Managers {
  /** By the id of whoever is led, the id of the manager; absent: none. */
  readonly of: ReadonlyMap<string, string>;
  /** Who names somebody who is not there, is ambiguous, or leads themselves; sentences. */
  readonly problems: readonly string[];
}

/** Collects the keys of everybody, page by page, and joins them at the end. */
export class ManagerIndex {
  readonly #keys: ManagerKeys;
  readonly #byParent = new Map<string, string | null>();
  readonly #child = new Map<string, string>();

  constructor(keys: ManagerKeys) {
    this.#keys = keys;
  }

  add(user: SourceUser): void {
    if (user.state === 'gone') return;
    const parent = firstText(user, [this.#keys.parentKey]);
    if (parent !== null) {
      const key = this.#keys.compared(parent);
      this.#byParent.set(key, this.#byParent.has(key) ? null : user.id);
    }
    const child = firstText(user, [this.#keys.childKey]);
    if (child !== null) this.#child.set(user.id, this.#keys.compared(child));
  }

  join(): Managers {
    const of = new Map<string, string>();
    const problems: string[] = [];
    for (const [id, key] of this.#child) {
      const manager = this.#byParent.get(key);
      if (manager === undefined) problems.push(`The manager of ${id} is not in the directory.`);
      else if (manager === null) problems.push(`The manager of ${id} could be one of several.`);
      else if (manager === id) problems.push(`${id} would be their own manager.`);
      else of.set(id, manager);
    }
    for (const id of inLoops(of)) {
      of.delete(id);
      problems.push(`${id} would be above their own manager.`);
    }
    return { of, problems };
  }
}

/** Those who come back to themselves when one goes up from them. */
function inLoops(of: ReadonlyMap<string, string>): ReadonlySet<string> {
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

/** Managers before those whom they lead, so that whoever is made has a manager to point at. */
export function depthOf(id: string, of: ReadonlyMap<string, string>): number {
  let depth = 0;
  for (let at = of.get(id); at !== undefined; at = of.get(at)) depth += 1;
  return depth;
}
