/** Shows people with their state on every store. */

import type { PersonView } from '../../control/status/people.ts';
import type { PersonStatus } from '../../control/status/person.ts';
import type { UserOfPerson } from '../../db/people/lastWord.ts';
import type { ApiDeps } from '../deps.ts';
import { href } from '../href.ts';
import { knownOfHeld, showHeld } from './held.ts';

export function showUserOfPerson({ externalId, ...user }: UserOfPerson) {
  return { ...user, ...(externalId === null ? {} : { externalId }) };
}

export async function showStatuses(deps: Pick<ApiDeps, 'db'>, statuses: readonly PersonStatus[]) {
  const known = await knownOfHeld(
    deps,
    statuses.flatMap(({ held }) => held),
  );
  return statuses.map((status) => ({ ...status, held: status.held.map((row) => showHeld(row, known)) }));
}

export async function showPerson(deps: ApiDeps, environmentId: string, person: PersonView) {
  const self = href(deps, 'environments', environmentId, 'people', person.id);
  return {
    ...person,
    environment: { id: environmentId },
    users: person.users.map(showUserOfPerson),
    stores: await showStatuses(deps, person.stores),
    _links: {
      self: { href: self },
      timeline: { href: `${self}/timeline` },
      sync: { href: `${self}/sync` },
    },
  };
}
