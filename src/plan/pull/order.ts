/**
 * In which order the lines of a run are carried out. Whoever leaves comes first, so that nobody keeps access for want of
 * a turn; a name is given up before somebody else takes it; managers are made before those whom they lead. Pure.
 */

export interface Ordered {
  readonly op: string;
  readonly kind: string;
  readonly sourceId: string;
  readonly detail: {
    /** Of whoever is made: the name to sign in by. */
    readonly userName?: string;
    readonly attributes?: readonly { readonly name: string; readonly from: unknown; readonly to: unknown }[];
  };
}

/** `depthOf`: how many managers are above somebody. */
export function inOrder<L extends Ordered>(
  lines: readonly L[],
  depthOf: (sourceId: string) => number,
): readonly L[] {
  const givenUp = new Map<string, L>();
  for (const line of lines) {
    const { from } = renamed(line) ?? {};
    if (from !== undefined) givenUp.set(from, line);
  }
  const ordered: L[] = [];
  const placed = new Set<L>();
  const place = (line: L): void => {
    if (placed.has(line)) return;
    placed.add(line);
    const wanted = line.op === 'create' || line.op === 'match' ? line.detail.userName : renamed(line)?.to;
    const holder = wanted === undefined ? undefined : givenUp.get(nameKey(wanted));
    if (holder) place(holder);
    ordered.push(line);
  };
  const ranked = [...lines].sort((one, other) => rankOf(one, depthOf) - rankOf(other, depthOf));
  for (const line of ranked) place(line);
  return ordered;
}

const LAST = Number.MAX_SAFE_INTEGER;

function rankOf({ op, kind, sourceId }: Ordered, depthOf: (sourceId: string) => number): number {
  if (kind !== 'user') return LAST;
  if (op === 'remove' || op === 'deactivate') return 0;
  return op === 'create' || op === 'match' ? 1 + depthOf(sourceId) : LAST;
}

function renamed({ detail }: Ordered): { readonly from: string; readonly to: string } | undefined {
  const change = detail.attributes?.find(({ name }) => name === 'userName');
  if (typeof change?.from !== 'string' || typeof change.to !== 'string') return undefined;
  return { from: nameKey(change.from), to: nameKey(change.to) };
}

/** Names are compared trimmed and without regard to case. */
export function nameKey(name: string): string {
  return name.trim().toLowerCase();
}
