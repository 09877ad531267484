/**
 * Explains why a person has, or lacks, access on one store. This file gathers what the database knows of them there,
 * and what a plan would do; `steps.ts` puts it into words. It asks no vendor and writes nothing.
 */

import { getIncident } from '../../../db/brake/incidents.ts';
import { standingOfSubject } from '../../../db/brake/losses.ts';
import { namesOfPeople } from '../../../db/identity/subjects.ts';
import { questionsOf } from '../../../db/people/questions.ts';
import { getLeaver } from '../../../db/queue/leavers.ts';
import { sparedOf } from '../../../db/seen/spared.ts';
import { listWorkingStores, type StoreRecord } from '../../../db/stores/stores.ts';
import { byRecords, planPeople } from '../../../settle/people/look.ts';
import { storeContextOf } from '../../../stores/context.ts';
import type { PropagationDeps } from '../../../stores/deps.ts';
import { isoTime } from '../../../support/clock.ts';
import { type PersonRecords, personStatusOn, recordsOfPerson } from '../person.ts';
import { scopeWord } from '../reasons.ts';
import type { Explanation, Situation } from './situation.ts';
import { explained } from './steps.ts';

type Deps = Pick<PropagationDeps, 'db' | 'clock' | 'connectors'>;

export async function explainPerson(deps: Deps, store: StoreRecord, personId: string): Promise<Explanation> {
  return explain(deps, store, await recordsOfPerson(deps.db, personId));
}

/** Explains it for every store that is not inactive. */
export async function explainEverywhere(
  deps: Deps,
  environmentId: string,
  personId: string,
): Promise<readonly Explanation[]> {
  const records = await recordsOfPerson(deps.db, personId);
  const explanations: Explanation[] = [];
  for (const store of await listWorkingStores(deps.db, environmentId))
    explanations.push(await explain(deps, store, records));
  return explanations;
}

async function explain(deps: Deps, store: StoreRecord, records: PersonRecords): Promise<Explanation> {
  const { db } = deps;
  const { personId, speaking, word } = records;
  const context = await storeContextOf(db, deps.connectors, store);
  const planning = { db, context, now: () => isoTime(deps.clock.now()) };
  const [planned] = await planPeople(planning, byRecords(planning), [personId]);
  if (!planned) throw new Error('a person was asked for and none was looked at');
  const held = records.held.get(store.id) ?? [];
  const incidentId = held.find((row) => row.incidentId !== null)?.incidentId ?? null;
  const situation: Situation = {
    store,
    display: (await namesOfPeople(db, [personId])).get(personId)?.display ?? 'this person',
    speaking,
    word,
    status: await personStatusOn(db, store, records),
    task: records.tasks.get(store.id) ?? null,
    link: records.links.get(store.id) ?? null,
    scope: await scopeWord(db, store, speaking),
    ...planned,
    spared: (await sparedOf(db, store.id, [personId])).has(personId),
    isOther: (await questionsOf(db, [personId])).get(personId)?.state === 'other',
    declined: (await standingOfSubject(db, store.id, { kind: 'user', id: personId })).filter(
      ({ state }) => state === 'discarded' || state === 'undone',
    ),
    leaver: await getLeaver(db, store.id, personId),
    incident: incidentId === null ? null : await getIncident(db, store.environmentId, incidentId),
  };
  return explained(situation);
}
