/**
 * In which order the lines of a run are carried out. Whoever leaves comes first, so that nobody keeps access for want of
 * a turn; a name is given up before somebody else takes it; managers are made before those whom they lead. Pure.
 */

/** Of a line as much as its place needs: a company's lines are never in memory together. */
export interface Ordered {
  readonly op: string;
  readonly kind: string;
  readonly sourceId: string;
  /** The name to sign in by that somebody gets, and the one that they had, as they are compared. */
  readonly takes?: string;
  readonly givesUp?: string;
}

export interface Naming {
  readonly op: string;
  /** Of whoever goes: their name. */
  readonly display?: string;
  readonly detail: {
    /** Of whoever is made: the name to sign in by. */
    readonly userName?: string;
    readonly attributes?: readonly { readonly name: string; readonly from: unknown; readonly to: unknown }[];
  };
}

/** Which names a line moves. */
export function namesOf({ op, detail, display }: Naming): Pick<Ordered, 'takes' | 'givesUp'> {
  const { userName } = detail;
  if (op === 'remove') return display === undefined ? {} : { givesUp: nameKey(display) };
  if (op === 'create' || op === 'match') return userName === undefined ? {} : { takes: nameKey(userName) };
  const change = detail.attributes?.find(({ name }) => name === 'userName');
  if (typeof change?.from !== 'string' || typeof change.to !== 'string') return {};
  return { takes: nameKey(change.to), givesUp: nameKey(change.from) };
}

/** `depthOf`: how many managers are above somebody. */
export function inOrder<L extends Ordered>(
  lines: readonly L[],
  depthOf: (sourceId: string) => number,
): readonly L[] {
  const givenUp = new Map<string, L>();
  for (const line of lines) if (line.givesUp !== undefined) givenUp.set(line.givesUp, line);
  const ordered: L[] = [];
  const placed = new Set<L>();
  const place = (line: L): void => {
    if (placed.has(line)) return;
    placed.add(line);
    const holder = line.takes === undefined ? undefined : givenUp.get(line.takes);
    if (holder) place(holder);
    ordered.push(line);
  };
  const ranks = new Map(lines.map((line) => [line, rankOf(line, depthOf)]));
  const rank = (line: L) => ranks.get(line) ?? LAST;
  for (const line of [...lines].sort((one, other) => rank(one) - rank(other))) place(line);
  return ordered;
}

/** Whether each line, in its turn, finds free the name that it takes. */
export class NamesInTurn {
  readonly #free = new Set<string>();
  readonly #taken = new Set<string>();

  /** `holder`: the id at the source of whoever has the name before the run; undefined: nobody. */
  admits({ op, sourceId, takes, givesUp }: Ordered, holder: string | undefined): boolean {
    const moves = takes !== givesUp;
    if (takes !== undefined && moves) {
      const isFree = holder === undefined || holder === sourceId || this.#free.has(takes);
      // Whoever leaves goes without the new name.
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
  if (kind !== 'user') return LAST;
  if (op === 'remove' || op === 'deactivate') return 0;
  return op === 'create' || op === 'match' ? 1 + depthOf(sourceId) : LAST;
}

/** Names are compared trimmed and without regard to case. */
export function nameKey(name: string): string {
  return name.trim().toLowerCase();
}
