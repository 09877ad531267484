/**
 * What a comparison finds of people, in the order in which it reads them: kept with the staged scan, and handed out again in
 * the order in which it is carried out. Of each line no more than its place is in memory.
 */

import type { NewLine } from '../../db/pull/changes.ts';
import { isLeaving } from '../../model/pull/losses.ts';
import { inOrder, NamesInTurn, namesOf, type Ordered } from '../../plan/pull/order.ts';

export interface FoundDeps {
  keep(lines: readonly NewLine[]): Promise<void>;
  /** Those kept of these people, by their ids at the source. */
  kept(sourceIds: readonly string[]): Promise<ReadonlyMap<string, NewLine>>;
  /** By userName as it is compared, the id at the source of whoever has it. */
  holders(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
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

  /** By their ids at the source, who has a name that somebody takes. */
  async holdersOfTaken(): Promise<readonly string[]> {
    const holders = await this.#deps.holders(this.#places.flatMap(({ takes }) => takes ?? []));
    return [...holders.values()].filter((id) => id !== '');
  }

  /** `depthOf`: how many managers are above somebody. `refuse`: for whom the name is not free in their turn. */
  async *inOrder(
    depthOf: (sourceId: string) => number,
    refuse: (line: NewLine) => void,
  ): AsyncGenerator<NewLine> {
    await this.#flush();
    const places = inOrder(this.#places.splice(0), depthOf);
    const names = new NamesInTurn();
    for (let from = 0; from < places.length; from += LINES_AT_ONCE) {
      const page = places.slice(from, from + LINES_AT_ONCE);
      const lines = await this.#deps.kept(page.map(({ sourceId }) => sourceId));
      const holders = await this.#deps.holders(page.flatMap(({ takes }) => takes ?? []));
      for (const place of page) {
        const line = lines.get(place.sourceId);
        if (!line) throw new Error(`The line of ${place.sourceId} was found and is not kept.`);
        if (names.admits(place, holders.get(place.takes ?? ''))) yield inCircle(line, place);
        else refuse(line);
      }
    }
  }

  async #flush(): Promise<void> {
    const page = this.#page;
    this.#page = [];
    if (page.length > 0) await this.#deps.keep(page);
  }
}

/** The line as it is carried out: with those who have each other's names, or alone. */
export function inCircle(line: NewLine, { circle }: Pick<Ordered, 'circle'>): NewLine {
  return circle === undefined ? line : { ...line, detail: { ...line.detail, circle } };
}
