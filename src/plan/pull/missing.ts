/**
 * What it means that a person or group of the directory is missing from a scan: the table "Missing from a scan" of
 * docs/design.md. They count as gone only where the source says so for their very id.
 */

export interface Absence {
  /** `complete`: read to the last page, and every record could be read that might be somebody. */
  readonly scan: 'complete' | 'incomplete';
  /** The scan itself could not read this record. */
  readonly isUnread: boolean;
  /** What the source answered for this id; null where nobody asked. */
  readonly lookup: 'gone' | 'foundInScope' | 'foundOutOfScope' | 'unknown' | null;
  /** An admin applied a change of filter, base, domains or groups with this run. */
  readonly takesFiltered: boolean;
}

export type Meaning =
  /** Deleted at the source, so they leave. */
  | 'gone'
  /** They exist, and the connection's settings leave them out. `leaves`: an admin has seen and applied that. */
  | 'filtered'
  | 'filteredLeaves'
  /** Nobody knows: this run takes nothing from anybody for being absent. */
  | 'unknown';

export function meaningOf({ scan, isUnread, lookup, takesFiltered }: Absence): Meaning {
  if (scan === 'incomplete' || isUnread) return 'unknown';
  switch (lookup) {
    case 'gone':
      return 'gone';
    case 'foundOutOfScope':
      return takesFiltered ? 'filteredLeaves' : 'filtered';
    // The scan was wrong about this record, or the answer did not come from the source.
    case 'foundInScope':
    case 'unknown':
    case null:
      return 'unknown';
  }
}

/** Where one absence is unknown, the scan proves nothing about any other. */
export function provesAbsence(meanings: Iterable<Meaning>): boolean {
  for (const meaning of meanings) if (meaning === 'unknown') return false;
  return true;
}
