/** Shows losses that wait for a decision, in lists and with people. */

import { describeCauses, type ShownCause } from '../../control/status/causes.ts';
import type { LossRecord } from '../../db/brake/losses.ts';
import { type NamedPerson, namesOfPeople } from '../../db/identity/subjects.ts';
import { shownChange } from '../../sync/preview/shownChange.ts';
import type { ApiDeps } from '../deps.ts';
import { shownCause } from './losses.ts';

export interface KnownOfHeld {
  readonly people: ReadonlyMap<string, NamedPerson>;
  readonly causeOf: (correlationId: string) => ShownCause;
}

export async function knownOfHeld(
  { db }: Pick<ApiDeps, 'db'>,
  rows: readonly LossRecord[],
): Promise<KnownOfHeld> {
  return {
    people: await namesOfPeople(
      db,
      rows.map((row) => row.personKey),
    ),
    causeOf: await describeCauses(
      db,
      rows.flatMap((row) => row.cause ?? []),
    ),
  };
}

export function showHeld(row: LossRecord, { people, causeOf }: KnownOfHeld) {
  const { id, change, reason, since, personKey } = row;
  const person = people.get(personKey);
  return {
    id,
    subject: change.subject,
    ...(person ? { personState: person.state } : {}),
    changes: [{ id, ...shownChange(change), held: true }],
    cause: shownCause(row, causeOf),
    reason,
    since,
  };
}
