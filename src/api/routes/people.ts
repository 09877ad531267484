/** `…/people`: people over all connections, their state on every store, and the question who a newcomer is. */

import { answerIdentity } from '../../control/identity/sameAs.ts';
import { explainEverywhere, explainPerson } from '../../control/status/explanation/explain.ts';
import { personOf, viewOfPerson } from '../../control/status/people.ts';
import { settlePerson, syncPerson } from '../../control/tasks.ts';
import { findUserOrPerson } from '../../db/identity/persons.ts';
import { namesOfPeople } from '../../db/identity/subjects.ts';
import { usersOfPeople } from '../../db/people/lastWord.ts';
import { type FoundPerson, findPeople } from '../../db/people/words.ts';
import { getStoreOf } from '../../db/stores/stores.ts';
import type { ApiDeps } from '../deps.ts';
import { accepted, endpoint, ok } from '../endpoint.ts';
import { href } from '../href.ts';
import { PAGE, page, readCursor } from '../lists.ts';
import { notFound } from '../path.ts';
import { pageOfEvents } from '../present/events.ts';
import { showPerson, showUserOfPerson } from '../present/person.ts';
import { EventList } from '../schemas/events.ts';
import {
  EXPLANATION_QUERY,
  Explanation,
  IdentityAnswer,
  PEOPLE_QUERY,
  PeopleList,
  PersonDetails,
  SettledPerson,
  SYNC_QUERY,
} from '../schemas/people.ts';

const PEOPLE = '/environments/:envId/people';
const PERSON = '/environments/:envId/people/:personId';

export const people = {
  findPeople: endpoint({
    method: 'get',
    path: PEOPLE,
    scope: 'read',
    scans: true,
    summary: 'Find people by the beginning of what they or their accounts are called',
    query: { ...PAGE, ...PEOPLE_QUERY },
    answers: { 200: PeopleList },
    handle: async (call, deps) => {
      const { q, limit } = call.query;
      const environmentId = call.environment.id;
      const key = readCursor(call.query, ['text', 'text']);
      const after = key && { word: String(key[0]), id: String(key[1]) };
      const byId = after ? null : await personWithId(deps, environmentId, q);
      const found = await findPeople(deps.db, { environmentId, prefix: q, after, limit: limit + 1 });
      const rows = byId ? [byId, ...found.filter(({ id }) => id !== byId.id)].slice(0, limit + 1) : found;
      const ids = rows.map(({ id }) => id);
      const [names, users] = [await namesOfPeople(deps.db, ids), await usersOfPeople(deps.db, ids)];
      return ok(
        page(call, {
          name: 'people',
          rows,
          count: null,
          keyOf: ({ word, id }) => [word, id],
          show: ({ id, matchedOn }) => ({
            id,
            display: names.get(id)?.display ?? id,
            lifecycle: names.get(id)?.state ?? ('deleted' as const),
            users: (users.get(id) ?? []).map(showUserOfPerson),
            matchedOn,
            _links: { self: { href: href(deps, 'environments', environmentId, 'people', id) } },
          }),
        }),
      );
    },
  }),

  readPerson: endpoint({
    method: 'get',
    path: PERSON,
    scope: 'read',
    summary: 'Show a person: users, groups, and how they stand on every store',
    answers: { 200: PersonDetails },
    handle: async ({ environment, params }, deps) =>
      ok(await show(deps, environment.id, await known(deps, environment.id, params.personId))),
  }),

  explainPerson: endpoint({
    method: 'get',
    path: `${PERSON}/explanation`,
    scope: 'read',
    summary: 'Say why the person has, or has no, access to a store',
    query: EXPLANATION_QUERY,
    answers: { 200: Explanation },
    handle: async ({ environment, params, query }, deps) => {
      const id = await known(deps, environment.id, params.personId);
      const store = await getStoreOf(deps.db, environment.id, query.storeId);
      if (!store) throw notFound('store', query.storeId);
      return ok(await explainPerson(deps.propagation, store, id));
    },
  }),

  listPersonTimeline: endpoint({
    method: 'get',
    path: `${PERSON}/timeline`,
    scope: 'read',
    summary: 'List what happened to the person, newest first',
    query: PAGE,
    answers: { 200: EventList },
    handle: async (call, deps) => {
      const environmentId = call.environment.id;
      const subjectId = await known(deps, environmentId, call.params.personId);
      return ok(await pageOfEvents(deps, call, { environmentId, subjectId }));
    },
  }),

  syncPerson: endpoint({
    method: 'post',
    path: `${PERSON}/sync`,
    scope: 'write',
    summary: 'Settle the person on every store now',
    query: SYNC_QUERY,
    answers: { 200: SettledPerson, 202: PersonDetails },
    refusals: { 503: 'With `wait`: no worker is there, and nothing was queued; try again.' },
    handle: async ({ environment, params, query, cause }, deps) => {
      const id = await known(deps, environment.id, params.personId);
      const display = (await namesOfPeople(deps.db, [id])).get(id)?.display ?? id;
      const subject = { kind: 'user', id, display } as const;
      if (!query.wait) await syncPerson(deps.propagation, environment.id, subject, cause);
      else if (await settlePerson(deps.propagation, environment.id, subject, cause)) {
        const explanations = await explainEverywhere(deps.propagation, environment.id, id);
        return ok({ settled: true as const, _embedded: { explanations } });
      }
      return accepted(await show(deps, environment.id, id));
    },
  }),

  answerIdentity: endpoint({
    method: 'post',
    path: `${PERSON}/identity`,
    scope: 'write',
    summary: 'Say whether a newcomer is somebody who left',
    body: IdentityAnswer,
    answers: { 200: PersonDetails },
    refusals: { 409: 'Nobody asks (any more), or somebody answered already.' },
    handle: async ({ environment, params, body, cause }, deps) => {
      // By the newcomer's own id: after the decision it may stand for the person that the newcomer turned out to be.
      const newcomerId = params.personId;
      await known(deps, environment.id, newcomerId);
      const answer = { environmentId: environment.id, newcomerId, sameAs: body.sameAs };
      return ok(await show(deps, environment.id, await answerIdentity(deps.propagation, answer, cause)));
    },
  }),
};

async function known({ db }: ApiDeps, environmentId: string, id: string): Promise<string> {
  const personId = await personOf(db, environmentId, id);
  if (personId === null) throw notFound('person', id);
  return personId;
}

async function show(deps: ApiDeps, environmentId: string, id: string) {
  return showPerson(deps, environmentId, await viewOfPerson(deps.db, environmentId, id));
}

const WHOLE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A person or user whose whole id was searched for comes first. */
async function personWithId({ db }: ApiDeps, environmentId: string, q: string): Promise<FoundPerson | null> {
  if (!WHOLE_ID.test(q)) return null;
  const user = await findUserOrPerson(db, environmentId, q.toLowerCase());
  return user && user.purgedAt === null ? { id: user.personId, word: '', matchedOn: 'id' } : null;
}
