/**
 * Adds to linked groups what a complete scan saw of their names. It finds what was renamed by hand; with `repair` the
 * plan starts from what was found. Reads only.
 */

import { observationsById } from '../db/seen/observations.ts';
import { nameDrift } from '../plan/groups/nameDrift.ts';
import { type GroupFacts, nameNotAccepted } from '../settle/groups/look.ts';
import { afterScan, takenName } from '../settle/keys/waits.ts';
import { type Scan, takesIn } from '../settle/people/scanned.ts';
import type { Planning } from '../settle/planning.ts';
import type { StoreContext } from '../stores/desired.ts';

export async function withScannedNames(
  { db, context }: Planning,
  scan: Scan,
  groups: readonly GroupFacts[],
): Promise<readonly GroupFacts[]> {
  const { store, connector } = context;
  const remoteIds = groups.flatMap((facts) => (isNamedByBridge(facts) ? (facts.link?.remoteId ?? []) : []));
  const seen = await observationsById(db, store.id, 'group', remoteIds);
  return groups.map((known) => {
    const facts = scan.repair ? withFreeName(context, scan, known) : known;
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

function withFreeName(context: StoreContext, { began }: Scan, facts: GroupFacts): GroupFacts {
  const keyWaits = afterScan(began, facts.keyWaits);
  return { ...facts, keyWaits, takenName: takenName(context, facts.desired, keyWaits) };
}

/** Whether the bridge alone decides the name of the remote group. */
function isNamedByBridge({ desired, link, settings, ...facts }: GroupFacts): boolean {
  const isNamed = settings.groupProvisioning === 'Create' && facts.renameGroups && !facts.fedByAnother;
  return isNamed && link !== null && facts.leftAlone === null && desired.lifecycle === 'active';
}
