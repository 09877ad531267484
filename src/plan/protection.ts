/**
 * Which accounts and groups nobody may touch: those of `PROTECTED_ACCOUNTS` and `PROTECTED_GROUPS`, and the credential's
 * own account.
 */

export interface Protection {
  /** Identifiers, `*` as a wildcard. */
  readonly patterns: readonly string[];
  readonly self: { readonly remoteId: string | null; readonly identifiers: readonly string[] } | null;
}

/** Stands for the entry that would match the credential's own account. */
export const SELF = '';

/**
 * The entry that protects the account; null where none does. `names` are all identifiers under which the account is
 * known at the store: what the directory calls its person protects nobody, or a rename there would.
 */
export function protectedBy(
  protection: Protection,
  remoteId: string | null,
  names: readonly (string | null)[],
): string | null {
  const { self, patterns } = protection;
  if (remoteId !== null && self?.remoteId === remoteId) return SELF;
  const known = [remoteId, ...names]
    .filter((name): name is string => name !== null && name !== '')
    .map(compared);
  const own = self?.identifiers.map(compared) ?? [];
  if (own.some((identifier) => known.includes(identifier))) return SELF;
  const found = patterns.find((pattern) => known.some((name) => matches(compared(pattern), name)));
  return found ?? null;
}

/** A blank that came with a pasted entry must not make it protect nobody. */
function compared(text: string): string {
  return text.trim().toLowerCase();
}

/** The entry of PROTECTED_GROUPS that one of the group's names or full paths matches; null where none does. */
export function protectedGroupBy(patterns: readonly string[], names: readonly string[]): string | null {
  const known = names.filter((name) => name !== '').map(compared);
  const entry = (pattern: string) => compared(pattern).replace(/^\/+|\/+$/g, '');
  return patterns.find((pattern) => known.some((name) => matches(entry(pattern), name))) ?? null;
}

/** Wildcard match without backtracking: each literal piece is found as early as possible, the last at the end. */
function matches(pattern: string, name: string): boolean {
  const pieces = pattern.split('*');
  const first = pieces[0] ?? '';
  if (pieces.length === 1) return name === first;
  const last = pieces.at(-1) ?? '';
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
