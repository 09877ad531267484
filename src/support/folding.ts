/**
 * Comparing texts in a database without regard to case: SQLite's lower() knows A to Z only, and PostgreSQL's depends
 * on the locale. For a match only the letters of the value matter, so these are folded one by one.
 */

export interface Folding {
  /** As lower() of A to Z and `pairs` leave it. */
  readonly value: string;
  /** Letters outside ASCII, to replace after lower(): the upper by the lower. */
  readonly pairs: readonly (readonly [string, string])[];
}

/** Letters outside ASCII that one value may fold; beyond it they are compared as they are. */
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

/** Null for a character without two cases, or whose cases do not lead back to each other. */
function caseOf(character: string): { upper: string; lower: string } | null {
  const lower = character.toLowerCase();
  const upper = lower.toUpperCase();
  if (lower === upper || upper.toLowerCase() !== lower) return null;
  return [...upper].length === 1 && [...lower].length === 1 ? { upper, lower } : null;
}

/** `lowered`: SQL of a text whose letters A to Z are lower. The bindings are `pairs`, flat, before or after its own. */
export function foldedSql(lowered: string, { pairs }: Folding): string {
  return pairs.reduce((inner) => `replace(${inner}, ?, ?)`, lowered);
}
