/**
 * The order in which the lines of a run are carried out. Leavers come first, so that nobody keeps access only because
 * their turn had not come. A name is given up before another record takes it, managers are made before the people
 * they lead, and groups are renamed before others are made. Pure.
 */

/** The part of a line that its place depends on: a company's lines are never all in memory together. */
export interface Ordered {
  readonly op: string;
  readonly kind: string;
  readonly sourceId: string;
  /** The name that the person or group gets, and the one they had, in the form in which names are compared. */
  readonly takes?: string;
  readonly givesUp?: string;
  /** The same for all lines whose names move in a circle: none of them can be carried out without the others. */
  readonly circle?: string;
}

/** Larger circles of names stay as they are. */
export const CIRCLE_MAX = 1_000;

export interface Naming {
  readonly op: string;
  readonly kind: string;
  /** The name of somebody who goes, or of a group that is made. */
  readonly display?: string;
  readonly detail: {
    /** The name to sign in by, of somebody who is made. */
    readonly userName?: string;
    readonly attributes?: readonly { readonly name: string; readonly from: unknown; readonly to: unknown }[];
  };
}

/** Which names a line moves. */
export function namesOf({ op, kind, detail, display }: Naming): Pick<Ordered, 'takes' | 'givesUp'> {
  const isGroup = kind === 'group';
  if (op === 'remove') return display === undefined ? {} : { givesUp: nameKey(display) };
  if (op === 'create' || op === 'match') {
    const made = isGroup ? display : detail.userName;
    return made === undefined ? {} : { takes: nameKey(made) };
  }
  const named = isGroup ? 'displayName' : 'userName';
  const change = detail.attributes?.find(({ name }) => name === named);
  if (typeof change?.from !== 'string' || typeof change.to !== 'string') return {};
  return { takes: nameKey(change.to), givesUp: nameKey(change.from) };
}

/** `depthOf`: how many managers somebody has above them. */
export function inOrder<L extends Ordered>(
  lines: readonly L[],
  depthOf: (sourceId: string) => number,
): readonly L[] {
  const givenUp = new Map<string, L>();
  for (const line of lines) if (line.givesUp !== undefined) givenUp.set(line.givesUp, line);
  const holderFor = ({ takes }: L) => (takes === undefined ? undefined : givenUp.get(takes));
  const ranks = new Map(lines.map((line) => [line, rankOf(line, depthOf)]));
  const rank = (line: L) => ranks.get(line) ?? LAST;
  const ordered: L[] = [];
  const placed = new Set<L>();
  for (const first of [...lines].sort((one, other) => rank(one) - rank(other))) {
    const path: L[] = [];
    let next: L | undefined = first;
    for (; next && !placed.has(next); next = holderFor(next)) {
      placed.add(next);
      path.push(next);
    }
    const circle = path.slice(next && path.includes(next) ? path.indexOf(next) : path.length);
    const isCircle = circle.length > 1 && circle.length <= CIRCLE_MAX;
    const together = isCircle ? circle.map((line) => ({ ...line, circle: first.sourceId })) : circle;
    ordered.push(...together, ...path.slice(0, path.length - circle.length).reverse());
  }
  return ordered;
}

/** Whether the name that a line takes is free when its turn comes. */
export class NamesInTurn {
  readonly #free = new Set<string>();
  readonly #taken = new Set<string>();

  /** `holder`: the source's id of whoever has the name before the run; undefined: nobody. */
  admits({ op, sourceId, takes, givesUp, circle }: Ordered, holder: string | undefined): boolean {
    const moves = takes !== givesUp;
    if (takes !== undefined && moves) {
      const isFree =
        holder === undefined || holder === sourceId || circle !== undefined || this.#free.has(takes);
      // A leaver goes, without the new name.
      if (!isFree || this.#taken.has(takes)) return op === 'deactivate';
      this.#taken.add(takes);
    }
    if (givesUp !== undefined && moves) {
      this.#free.add(givesUp);
      this.#taken.delete(givesUp);
    }
    return true;
  }
}

const LAST = Number.MAX_SAFE_INTEGER;

function rankOf({ op, kind, sourceId }: Ordered, depthOf: (sourceId: string) => number): number {
  if (op === 'remove' || op === 'deactivate') return 0;
  const makes = op === 'create' || op === 'match';
  if (kind === 'group') return makes ? LAST : 1;
  return makes ? 1 + depthOf(sourceId) : LAST;
}

/** Names are compared trimmed and without regard to case. */
export function nameKey(name: string): string {
  return name.trim().toLowerCase();
}
