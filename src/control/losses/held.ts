/** An admin's decision on what is held on one store, or on all stores of an environment. */

import { type HeldFilter, type HeldIn, openHeld } from '../../db/brake/heldLists.ts';
import type { Decision, LossRecord } from '../../db/brake/losses.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { type Mistake, RequestError } from '../../model/errors.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { decideRows, isDecidedHere, lockHolding } from './decide.ts';

/** The losses with these ids, those of these people, or all that are held at this moment. */
export type Selection =
  | { readonly ids: readonly string[] }
  | { readonly personIds: readonly string[] }
  | { readonly all: true };

/** Answers the rows that were decided. Throws a 409 with an entry for each id that is no longer held. */
export async function decideOnHeld(
  deps: PropagationDeps,
  where: HeldIn,
  selection: Selection,
  state: Decision['state'],
  cause: Cause,
): Promise<readonly LossRecord[]> {
  const decided = await transact(deps.db, async (tx) => {
    const stores = await lockHolding(tx, where);
    const open = await openHeld(tx, where, filterOf(selection));
    refuseOthers(selection, open);
    const rows = open.filter(isDecidedHere);
    await decideRows(tx, stores, rows, { state, cause, at: isoTime(deps.clock.now()) });
    return rows;
  });
  deps.wake.signal();
  return decided;
}

function filterOf(selection: Selection): HeldFilter {
  if ('ids' in selection) return { column: 'id', values: selection.ids };
  if ('personIds' in selection) return { column: 'person_key', values: selection.personIds };
  return 'all';
}

/** If the selection names one loss that cannot be decided, nothing is decided. */
function refuseOthers(selection: Selection, open: readonly LossRecord[]): void {
  if ('all' in selection) return;
  // Of a person's losses, one that can be decided here counts first.
  const rows = [...open].sort((a, b) => Number(isDecidedHere(a)) - Number(isDecidedHere(b)));
  const errors =
    'ids' in selection
      ? mistakesIn('ids', selection.ids, new Map(rows.map((row) => [row.id, row])))
      : mistakesIn('personIds', selection.personIds, new Map(rows.map((row) => [row.personKey, row])));
  if (errors.length === 0) return;
  const message = `Nothing was decided: ${errors.length} of the ids cannot be decided here (any more).`;
  throw new RequestError(409, message, errors);
}

function mistakesIn(
  name: 'ids' | 'personIds',
  ids: readonly string[],
  rows: ReadonlyMap<string, LossRecord>,
): readonly Mistake[] {
  return ids.flatMap((id, index) => {
    const detail = whyNotDecided(id, rows.get(id));
    return detail === null ? [] : [{ pointer: `/${name}/${index}`, detail }];
  });
}

function whyNotDecided(id: string, row: LossRecord | undefined): string | null {
  if (!row) return `${id} is not held (any more); read the list again`;
  if (isDecidedHere(row)) return null;
  return `${id} asks who somebody is: answer at people/${row.subject.id}/identity`;
}
