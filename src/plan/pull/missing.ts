/**
 * What it means that somebody, or a group, who is in the directory is not in a scan: the table "Missing from a scan" of
 * docs/design.md. Only a source that says so by the id itself makes anybody gone.
 */

export interface Absence {
  /** `complete`: read to the last page, and nothing unread that could have been anybody. */
  readonly scan: 'complete' | 'incomplete';
  /** The scan itself said that it could not read this one. */
  readonly isUnread: boolean;
  /** What the source said when asked for the id; null where nobody asked. */
  readonly lookup: 'gone' | 'foundInScope' | 'foundOutOfScope' | 'unknown' | null;
  /** An admin applied a change of filter, base, domains or groups with this run. */
  readonly takesFiltered: boolean;
}

export type Meaning =
  /** Deleted at the source: leaves. */
  | 'gone'
  /** There, and left out by the configuration. `leaves`: an admin has seen and applied that. */
  | 'filtered'
  | 'filteredLeaves'
  /** Nobody knows: nothing is taken from anybody by this run for being absent. */
  | 'unknown';

export function meaningOf({ scan, isUnread, lookup, takesFiltered }: Absence): Meaning {
  if (scan === 'incomplete' || isUnread) return 'unknown';
  switch (lookup) {
    case 'gone':
      return 'gone';
    case 'foundOutOfScope':
      return takesFiltered ? 'filteredLeaves' : 'filtered';
    // The scan was wrong about this one, or the answer is not the source's.
    case 'foundInScope':
    case 'unknown':
    case null:
      return 'unknown';
  }
}

/** With one who is unknown, the scan proves nothing about anybody else who is missing either. */
export function provesAbsence(meanings: Iterable<Meaning>): boolean {
  for (const meaning of meanings) if (meaning === 'unknown') return false;
  return true;
}
