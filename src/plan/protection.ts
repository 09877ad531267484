/**
 * Which accounts and groups the bridge may not touch: those that `PROTECTED_ACCOUNTS` and `PROTECTED_GROUPS` name,
 * and the credential's own account.
 */

export interface Protection {
  /** Identifiers, `*` as a wildcard. */
  readonly patterns: readonly string[];
  readonly self: { readonly remoteId: string | null; readonly identifiers: readonly string[] } | null;
}

/** Stands for the entry that would match the credential's own account. */
export const SELF = '';

/**
 * The entry that protects the account; null where none does. `names`: all identifiers that the store knows the
 * account by. The directory's name for the person does not count, because a rename there would end the protection.
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

/** A pasted entry may have blanks around it, and must protect all the same. */
function compared(text: string): string {
  return text.trim().toLowerCase();
}

/** The entry of PROTECTED_GROUPS that one of the group's names or full paths matches; null where none does. */
export function protectedGroupBy(patterns: readonly string[], names: readonly string[]): string | null {
  const known = names.filter((name) => name !== '').map(compared);
  const entry = (pattern: string) => compared(pattern).replace(/^\/+|\/+$/g, '');
  return patterns.find((pattern) => known.some((name) => matches(entry(pattern), name))) ?? null;
}

/**
 * Matches wildcards without backtracking: it finds each literal piece as early as possible, and the last one at the
 * end.
 */
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
