/**
 * Compares texts in a database ignoring case. SQLite's lower() knows only A to Z, and PostgreSQL's depends on the
 * locale. Only the letters of the value to find matter, so these are folded one by one.
 */

export interface Folding {
  /** The value after lower() of A to Z and the `pairs`. */
  readonly value: string;
  /** Letters outside ASCII to replace after lower(): each upper-case letter with its lower-case one. */
  readonly pairs: readonly (readonly [string, string])[];
}

/** How many letters outside ASCII are folded in one value; the rest are compared as they are. */
const FOLDED_LETTERS_MAX = 32;

export function foldingOf(value: string): Folding {
  const letters = new Map<string, string>();
  for (const character of value) {
    const pair = character > '\u007f' ? caseOf(character) : null;
    if (pair && letters.size < FOLDED_LETTERS_MAX) letters.set(pair.upper, pair.lower);
  }
  const fold = (c: string) => letters.get(c) ?? (c <= '\u007f' ? c.toLowerCase() : c);
  return { value: [...value].map(fold).join(''), pairs: [...letters] };
}

/** Null for a character that has no two cases, or whose cases do not lead back to each other. */
function caseOf(character: string): { upper: string; lower: string } | null {
  const lower = character.toLowerCase();
  const upper = lower.toUpperCase();
  if (lower === upper || upper.toLowerCase() !== lower) return null;
  return [...upper].length === 1 && [...lower].length === 1 ? { upper, lower } : null;
}

/**
 * `lowered`: SQL of a text whose letters A to Z are lower case. The bindings are the flat `pairs`, next to those of
 * `lowered`.
 */
export function foldedSql(lowered: string, { pairs }: Folding): string {
  return pairs.reduce((inner) => `replace(${inner}, ?, ?)`, lowered);
}
