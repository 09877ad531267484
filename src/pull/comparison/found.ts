/**
 * The lines that a comparison finds for people, in the order of reading. They are stored beside the staged scan and
 * handed out in the order in which they are carried out. Memory holds only the place of each line.
 */

import type { NewLine } from '../../db/pull/changes.ts';
import { isLeaving } from '../../model/pull/losses.ts';
import { inOrder, NamesInTurn, namesOf, type Ordered } from '../../plan/pull/order.ts';

export interface FoundDeps {
  keep(lines: readonly NewLine[]): Promise<void>;
  /** The stored lines of these people, by their ids at the source. */
  kept(sourceIds: readonly string[]): Promise<ReadonlyMap<string, NewLine>>;
  /** For each userName, as it is compared, the source id of the person who has it. */
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

  /** Adds a line; each person has one at most. */
  async add(line: NewLine): Promise<void> {
    const { op, kind, sourceId } = line;
    this.#places.push({ op, kind, sourceId, ...namesOf(line) });
    if (isLeaving(line)) this.#leaving.add(sourceId);
    if (op === 'remove') this.#removed.add(sourceId);
    this.#page.push(line);
    if (this.#page.length >= LINES_AT_ONCE) await this.#flush();
  }

  /** People who become inactive or are removed. */
  get leaving(): ReadonlySet<string> {
    return this.#leaving;
  }

  get removed(): ReadonlySet<string> {
    return this.#removed;
  }

  /** The source ids of people whose name somebody else takes. */
  async holdersOfTaken(): Promise<readonly string[]> {
    const holders = await this.#deps.holders(this.#places.flatMap(({ takes }) => takes ?? []));
    return [...holders.values()].filter((id) => id !== '');
  }

  /**
   * `depthOf` tells how many managers are above a person. `refuse` is called for a person whose new name is still
   * taken when their turn comes.
   */
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

/** The line as it is carried out: marked with its circle where people pass names round among each other. */
export function inCircle(line: NewLine, { circle }: Pick<Ordered, 'circle'>): NewLine {
  return circle === undefined ? line : { ...line, detail: { ...line.detail, circle } };
}
