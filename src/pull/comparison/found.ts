/**
 * What a comparison finds of people, in the order in which it reads them: kept with the staged scan, and handed out again in
 * the order in which it is carried out. Of each line no more than its place is in memory.
 */

import type { NewLine } from '../../db/pull/changes.ts';
import { inOrder, namesOf, type Ordered } from '../../plan/pull/order.ts';
import { isLeaving } from './lines.ts';

export interface FoundDeps {
  keep(lines: readonly NewLine[]): Promise<void>;
  /** Those kept of these people, by their ids at the source. */
  kept(sourceIds: readonly string[]): Promise<ReadonlyMap<string, NewLine>>;
}

const LINES_AT_ONCE = 500;

export class FoundLines {
  readonly #deps: FoundDeps;
  readonly #places: Ordered[] = [];
  readonly #leaving = new Set<string>();
  readonly #removed = new Set<string>();
  #page: NewLine[] = [];

  constructor(deps: FoundDeps) {
    this.#deps = deps;
  }

  /** One for each person. */
  async add(line: NewLine): Promise<void> {
    const { op, kind, sourceId } = line;
    this.#places.push({ op, kind, sourceId, ...namesOf(line) });
    if (isLeaving(line)) this.#leaving.add(sourceId);
    if (op === 'remove') this.#removed.add(sourceId);
    this.#page.push(line);
    if (this.#page.length >= LINES_AT_ONCE) await this.#flush();
  }

  /** Who becomes inactive or is removed. */
  get leaving(): ReadonlySet<string> {
    return this.#leaving;
  }

  get removed(): ReadonlySet<string> {
    return this.#removed;
  }

  /** `depthOf`: how many managers are above somebody. */
  async *inOrder(depthOf: (sourceId: string) => number): AsyncGenerator<NewLine> {
    await this.#flush();
    const places = inOrder(this.#places.splice(0), depthOf);
    for (let from = 0; from < places.length; from += LINES_AT_ONCE) {
      const ids = places.slice(from, from + LINES_AT_ONCE).map(({ sourceId }) => sourceId);
      const lines = await this.#deps.kept(ids);
      for (const id of ids) {
        const line = lines.get(id);
        if (line) yield line;
      }
    }
  }

  async #flush(): Promise<void> {
    const page = this.#page;
    this.#page = [];
    if (page.length > 0) await this.#deps.keep(page);
  }
}
