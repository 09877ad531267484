/** Shows losses person by person: those held over all stores, and those of an incident. */

import { describeCauses, type ShownCause } from '../../control/status/causes.ts';
import type { LoserPosition } from '../../db/brake/heldLists.ts';
import type { LossRecord } from '../../db/brake/losses.ts';
import { type NamedPerson, namesOfPeople } from '../../db/identity/subjects.ts';
import type { Db } from '../../db/open.ts';
import { storeNames } from '../../db/stores/stores.ts';
import { shownChange } from '../../sync/preview/shownChange.ts';

export interface KnownOfLosses {
  readonly people: ReadonlyMap<string, NamedPerson>;
  readonly storeOf: (id: string) => { readonly id: string; readonly name: string };
  readonly causeOf: (correlationId: string) => ShownCause;
}

export async function knownOfLosses(
  db: Db,
  environmentId: string,
  losses: readonly LossRecord[],
): Promise<KnownOfLosses> {
  const names = await storeNames(db, environmentId);
  return {
    people: await namesOfPeople(db, [...new Set(losses.map((loss) => loss.personKey))]),
    storeOf: (id) => ({ id, name: names.get(id) ?? id }),
    causeOf: await describeCauses(
      db,
      losses.flatMap((loss) => loss.cause ?? []),
    ),
  };
}

/** One person in such a list. */
export function showPerson(
  { personKey }: LoserPosition,
  losses: readonly LossRecord[],
  { people }: KnownOfLosses,
) {
  const known = people.get(personKey);
  const own = losses.filter((loss) => loss.personKey === personKey);
  const display = known?.display ?? displayIn(own) ?? personKey;
  return {
    own,
    shown: { person: { id: personKey, display }, ...(known ? { personState: known.state } : {}) },
  };
}

/** The name to show for an account that belongs to nobody. */
function displayIn([first]: readonly LossRecord[]): string | undefined {
  return first && 'member' in first.change ? first.change.member.display : first?.change.subject.display;
}

export function showHeld(loss: LossRecord, { storeOf, causeOf }: KnownOfLosses) {
  const { id, storeId, change, reason, since } = loss;
  return {
    id,
    store: storeOf(storeId),
    changes: [{ id, ...shownChange(change), held: true }],
    cause: shownCause(loss, causeOf),
    reason,
    since,
  };
}

export function showLoss(loss: LossRecord, { storeOf, causeOf }: KnownOfLosses) {
  const { id, storeId, change, reason, state, doneAt, since } = loss;
  return {
    id,
    store: storeOf(storeId),
    op: change.op,
    ...('member' in change ? { member: { id: change.subject.id, display: change.subject.display } } : {}),
    ...(change.op === 'update' ? { attributes: change.attributes } : {}),
    state,
    ...(reason === '' ? {} : { reason }),
    cause: shownCause(loss, causeOf),
    at: doneAt ?? since,
  };
}

/** The cause of a loss. Where the plan itself holds the loss, the plan's reason is the kind of the cause. */
export function shownCause(
  { cause, change }: LossRecord,
  causeOf: KnownOfLosses['causeOf'],
): ShownCause | null {
  if (cause === null) return null;
  return { ...causeOf(cause), ...(change.hold ? { kind: change.hold.kind } : {}) };
}
