/** Tells the state of an incident: who lost what, what is held, and what happens if nobody decides. Reads only. */

import { countLosers } from '../../db/brake/heldLists.ts';
import { notesOf } from '../../db/brake/incidentDesk.ts';
import {
  causesOfIncident,
  countLost,
  countUndone,
  heldPeople,
  type LosersOnStore,
  losersByStore,
} from '../../db/brake/incidentLosses.ts';
import type { IncidentRecord } from '../../db/brake/incidents.ts';
import { getConnection } from '../../db/identity/connections.ts';
import { namesOfPeople } from '../../db/identity/subjects.ts';
import type { Db } from '../../db/open.ts';
import { countEnabledPeople } from '../../db/seen/linkLists.ts';
import { getStoreOf, storeNames } from '../../db/stores/stores.ts';
import { commonSettings } from '../../model/commonSettings.ts';
import { withDefaults } from '../../model/settings.ts';
import { brakeLimit } from '../../plan/brake.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { UNDONE_WITHIN_MS } from '../losses/incidents.ts';
import { describeCauses } from './causes.ts';
import type { ShownIncident } from './shownIncident.ts';
import { wordsAboutSource } from './sourceIncident.ts';

/** The people's own entries tell all further causes. */
const CAUSES_LISTED_MAX = 1_000;

export async function shownIncident(
  { db, registry }: Pick<PropagationDeps, 'db' | 'registry'>,
  incident: IncidentRecord,
): Promise<ShownIncident> {
  const { id, environmentId, connectionId } = incident;
  const connection = connectionId === null ? null : await getConnection(db, environmentId, connectionId);
  const names = await storeNames(db, environmentId);
  const stores = await losersByStore(db, id);
  const undo = await countUndone(db, id);
  const about =
    incident.kind === 'source'
      ? await wordsAboutSource(db, incident, connection?.name ?? 'a directory')
      : {
          ...(await wordsAbout(db, incident, {
            by: connection?.name ?? null,
            stores: stores.map(({ storeId }) => names.get(storeId) ?? storeId),
          })),
          causes: await shownCauses(db, id),
        };
  return {
    ...about,
    ...(connection ? { connection: { id: connection.id, name: connection.name } } : {}),
    stores: await Promise.all(
      stores.map(async (losers) => {
        const { storeId, lost, held } = losers;
        const brake = await brakeOf({ db, registry }, environmentId, losers);
        return { store: { id: storeId, name: names.get(storeId) ?? storeId }, lost, held, ...brake };
      }),
    ),
    notes: await notesOf(db, id),
    ...(undo.requested > 0 ? { undo } : {}),
  };
}

async function shownCauses(db: Db, incidentId: string): Promise<ShownIncident['causes']> {
  const causes = await causesOfIncident(db, incidentId, CAUSES_LISTED_MAX);
  const causeOf = await describeCauses(
    db,
    causes.map(({ correlationId }) => correlationId),
  );
  return causes.map(({ correlationId, people, at, holdKind }) => {
    const cause = causeOf(correlationId);
    return { ...cause, kind: holdKind ?? cause.kind, people, at };
  });
}

/** The limit as it was when the incident came to the store; where the store held nothing, as it is now. */
async function brakeOf(
  { db, registry }: Pick<PropagationDeps, 'db' | 'registry'>,
  environmentId: string,
  { storeId, limit, base }: LosersOnStore,
): Promise<{ readonly limit: number; readonly base: number }> {
  if (limit !== null && base !== null) return { limit, base };
  const enabled = await countEnabledPeople(db, storeId);
  const store = await getStoreOf(db, environmentId, storeId);
  const specs = store && registry.get(store.type)?.settings;
  if (!store || !specs) return { limit: 0, base: enabled };
  const settings = commonSettings(withDefaults(specs, store.configuration));
  return { limit: brakeLimit(settings, enabled), base: enabled };
}

interface Origin {
  /** The connection's name. */
  readonly by: string | null;
  readonly stores: readonly string[];
}

async function wordsAbout(
  db: Db,
  { id, closedAt }: IncidentRecord,
  { by, stores }: Origin,
): Promise<Pick<ShownIncident, 'summary' | 'ifNothing'>> {
  const lost = await countLost(db, id);
  const held = await countLosers(db, { incident_id: id, state: 'held' });
  const where = stores.length > 0 ? ` on ${inWords(stores)}` : '';
  const first = by === null ? 'Losses' : `Losses from ${by}`;
  const summary = `${first}: ${people(lost)} ${have(lost)} lost something${where}, ${people(held)} more ${held === 1 ? 'is' : 'are'} held.`;
  if (closedAt !== null) {
    const none = `${first}: nothing is held any more, and no loss stands${where}.`;
    const until = isoTime(Date.parse(closedAt) + UNDONE_WITHIN_MS);
    const ifNothing = `Everything is decided.${lost === 0 ? '' : ` What was taken can be given back until ${until}.`}`;
    return { summary: lost + held === 0 ? none : summary, ifNothing };
  }
  const left = await countLeft(db, id);
  const still = left === 0 ? '' : ` ${left} of them left the directory and can still get in.`;
  const ifNothing = `Nothing more is taken: what is held stays as it is${where} until somebody approves, discards or undoes it.${still}`;
  return { summary, ifNothing };
}

async function countLeft(db: Db, incidentId: string): Promise<number> {
  const ids = await heldPeople(db, incidentId);
  const names = await namesOfPeople(db, ids);
  return ids.filter((id) => (names.get(id)?.state ?? 'active') !== 'active').length;
}

function people(count: number): string {
  return count === 1 ? '1 person' : `${count} people`;
}

function have(count: number): string {
  return count === 1 ? 'has' : 'have';
}

function inWords(names: readonly string[]): string {
  return names.length < 3 ? names.join(' and ') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
