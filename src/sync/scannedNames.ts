/**
 * Adds to linked groups what a complete scan saw of their names. It finds what was renamed by hand; with `repair` the
 * plan starts from what was found. Reads only.
 */

import { observationsById } from '../db/seen/observations.ts';
import { nameDrift } from '../plan/groups/nameDrift.ts';
import { type GroupFacts, nameNotAccepted } from '../settle/groups/look.ts';
import { type Scan, takesIn } from '../settle/people/scanned.ts';
import type { Planning } from '../settle/planning.ts';

export async function withScannedNames(
  { db, context }: Planning,
  scan: Scan,
  groups: readonly GroupFacts[],
): Promise<readonly GroupFacts[]> {
  const { store, connector } = context;
  const remoteIds = groups.flatMap((facts) => (isNamedByBridge(facts) ? (facts.link?.remoteId ?? []) : []));
  const seen = await observationsById(db, store.id, 'group', remoteIds);
  return groups.map((facts) => {
    const { desired, link } = facts;
    const shown = link && isNamedByBridge(facts) ? seen.get(link.remoteId) : undefined;
    if (!link || !shown) return facts;
    const nameOf = (name: string) => connector.normalize({ ...desired, name }).desired.name;
    const drift = nameDrift(link, desired, shown, nameOf);
    const found = takesIn(scan, drift) ? { ...link, ...drift.patch } : link;
    const refused = nameNotAccepted(context, desired, found);
    return { ...facts, link: found, record: found, nameNotAccepted: refused, drift };
  });
}

/** Whether the bridge alone decides the name of the remote group. */
function isNamedByBridge({ desired, link, settings, ...facts }: GroupFacts): boolean {
  const isNamed = settings.groupProvisioning === 'Create' && facts.renameGroups && !facts.fedByAnother;
  return isNamed && link !== null && facts.leftAlone === null && desired.lifecycle === 'active';
}
