/** What admins decided, or have yet to decide, about losses that are planned again. Reads only. */

import { type LossRecord, standingOfSubjects } from '../../db/brake/losses.ts';
import type { Db } from '../../db/open.ts';
import { type Change, mayBeHeld, replacesIdentity, type Skip } from '../../model/change.ts';
import type { DesiredUser } from '../../model/desired.ts';
import { emptiesGroup } from '../../plan/brake.ts';
import { declined, isDeclined, standingAmong, undecidedRevokes, withoutDeclined } from '../../plan/losses.ts';
import type { StoreContext } from '../../stores/desired.ts';

/**
 * A change, and what the directory wants for the person who loses by it. An admin's decision holds as long as that
 * stays the same.
 */
export interface PlannedChange {
  readonly change: Change;
  readonly desired: string;
}

/** How many memberships each remote group has, by the SCIM group that they are planned for. */
export type GroupSizes = ReadonlyMap<string, number>;

/** What the directory wants for a person. For an identity, the change itself says it. */
export function desiredOf(change: Change, { lifecycle }: Pick<DesiredUser, 'lifecycle'>): string {
  return replacesIdentity(change) ? 'identity' : lifecycle;
}

export interface Undecided {
  /** Without what an admin declined. `held`: an admin is still to decide. */
  readonly changes: readonly (PlannedChange & { readonly held: boolean })[];
  readonly skipped: readonly Skip[];
}

/** `sizes`: of groups that lose memberships; losses of one cause that would empty such a group are held. */
export async function withDecisions(
  db: Db,
  { store: { id: storeId }, settings }: Pick<StoreContext, 'store' | 'settings'>,
  planned: readonly PlannedChange[],
  sizes: GroupSizes = new Map(),
): Promise<Undecided> {
  const losing = planned.filter(({ change }) => mayBeHeld(change)).map(({ change }) => change.subject);
  const known: LossRecord[] = [];
  for (const kind of ['user', 'group'] as const) {
    const ids = new Set(losing.filter((subject) => subject.kind === kind).map(({ id }) => id));
    known.push(...(await standingOfSubjects(db, storeId, kind, [...ids])));
  }
  const bySubject = Map.groupBy(known, (row) => row.subject.id);
  const standing = new Map([...bySubject].map(([id, rows]) => [id, standingAmong(rows)]));
  const changes: (PlannedChange & { readonly held: boolean })[] = [];
  const skipped: Skip[] = [];
  for (const item of planned) {
    const { id } = item.change.subject;
    const left = withoutDeclined([item.change], bySubject.get(id) ?? []);
    skipped.push(...left.skipped);
    for (const change of left.changes) {
      const row = standing.get(id)?.(change, item.desired);
      if (row && isDeclined(row)) skipped.push(declined(change, row));
      else changes.push({ ...item, change, held: isHeld(change, row ?? null) });
    }
  }
  const emptied = new Set<Change>();
  for (const [id, memberships] of sizes) {
    const ofGroup = changes.map(({ change }) => change).filter(({ subject }) => subject.id === id);
    const revokes = undecidedRevokes(ofGroup, bySubject.get(id) ?? []);
    const losses = { group: id, memberships, ended: revokes.length };
    if (emptiesGroup(settings, losses) !== null) for (const change of revokes) emptied.add(change);
  }
  const judged = changes.map((item) => (emptied.has(item.change) ? { ...item, held: true } : item));
  return { changes: withoutUnready(judged, skipped), skipped };
}

/**
 * Leaves out the deletion of a group while one of its memberships waits for a decision, or stays because an admin
 * declined its loss.
 */
function withoutUnready<C extends PlannedChange & { readonly held: boolean }>(
  changes: readonly C[],
  declined: readonly Skip[],
): readonly C[] {
  const held = changes.filter(({ change, held }) => change.op === 'revoke' && held);
  const left = declined.filter(({ op }) => op === 'revoke');
  const unready = new Set([
    ...held.map(({ change }) => change.subject.id),
    ...left.map(({ subject }) => subject.id),
  ]);
  return changes.filter(({ change }) => !(change.op === 'delete' && unready.has(change.subject.id)));
}

function isHeld(change: Change, decision: LossRecord | null): boolean {
  // The account is adopted only to be disabled, so the adoption waits with that loss.
  if (change.op === 'adopt' && change.onlyToLose) return true;
  return decision === null ? change.hold !== undefined : decision.state === 'held';
}
