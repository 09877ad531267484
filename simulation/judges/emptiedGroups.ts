/** The rule of BRAKE_GROUP_PERCENT: a change that takes most of a group's memberships waits for an admin. */

import type { Turn } from '../vendors/network.ts';
import type { MemberWrite } from '../vendors/writes.ts';
import type { Records } from './records.ts';
import type { Meaning } from './settings.ts';

const LOSSES_MIN = 5;

/** True where so many other memberships went at the same time, whatever the bridge knew when it planned. */
export function emptiesGroup(
  records: Records,
  turn: Turn,
  { groupId, accountId }: MemberWrite,
  meanings: readonly Meaning[],
): boolean {
  const { own, model, vendor, needsSync } = records;
  const members = [...(vendor.holds.groups.get(groupId)?.members.keys() ?? [])];
  const mine = members.filter((id) => own.membershipIs(groupId, id, needsSync === null) === 'mine');
  const known = own.everIn(groupId, members);
  let isUnwanted = false;
  for (let tick = turn.tick; tick <= model.tick; tick++) {
    if (own.wantedAt(tick, groupId, accountId)) continue;
    const since = onlyLossOf(records, groupId, accountId, tick);
    const taken = mine.filter((id) => onlyLossOf(records, groupId, id, tick) === since);
    const isTooMuch = meanings.every(
      ({ brakeGroupPercent: percent }) =>
        percent < 100 && taken.length >= LOSSES_MIN && taken.length * 100 > known * percent,
    );
    if (since === null || !isTooMuch) return false;
    isUnwanted = true;
  }
  return isUnwanted;
}

/**
 * The only tick up to then at which the directory stopped wanting the membership; null where it never did, or did so
 * more than once.
 */
function onlyLossOf({ own }: Records, groupId: string, accountId: string, until: number): number | null {
  const wanted = (tick: number) => own.wantedAt(tick, groupId, accountId);
  const losses: number[] = [];
  for (let tick = 1; tick <= until; tick++) if (wanted(tick - 1) && !wanted(tick)) losses.push(tick);
  return losses.length === 1 && !wanted(until) ? (losses[0] ?? null) : null;
}
