/** Which accounts may never lose anything: those of `PROTECTED_ACCOUNTS`, and the credential's own. */

export interface Protection {
  /** Identifiers, `*` as a wildcard. */
  readonly patterns: readonly string[];
  readonly self: { readonly remoteId: string | null; readonly identifiers: readonly string[] } | null;
}

/** `names` are all identifiers under which the account is known, at the store and in the directory. */
export function isProtected(
  protection: Protection,
  remoteId: string,
  names: readonly (string | null)[],
): boolean {
  if (protection.self?.remoteId === remoteId) return true;
  const known = [remoteId, ...names]
    .filter((name): name is string => name !== null)
    .map((n) => n.toLowerCase());
  const own = protection.self?.identifiers.map((identifier) => identifier.toLowerCase()) ?? [];
  if (own.some((identifier) => known.includes(identifier))) return true;
  return protection.patterns.some((pattern) => known.some((name) => matches(pattern.toLowerCase(), name)));
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
