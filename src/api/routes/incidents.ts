/**
 * `…/propagation/incidents`: what the brake stopped and what stores had taken before, decided once for all stores.
 */

import type { z } from 'zod';
import { claimIncident, noteOnIncident } from '../../control/losses/desk.ts';
import { decideOnIncident, type IncidentSelection, undoIncident } from '../../control/losses/incidents.ts';
import { type DecidedLine, decideOnSource, undoSource } from '../../control/pull/decide.ts';
import { shownIncident } from '../../control/status/incidents.ts';
import { countLosers, listLosers, lossesOf } from '../../db/brake/heldLists.ts';
import { countIncidents, getIncident, type IncidentRecord, listIncidents } from '../../db/brake/incidents.ts';
import type { EnvironmentRecord } from '../../db/identity/environments.ts';
import type { ApiDeps } from '../deps.ts';
import { accepted, created, endpoint, ok } from '../endpoint.ts';
import { href } from '../href.ts';
import { PAGE, page, readCursor } from '../lists.ts';
import { notFound } from '../path.ts';
import { knownOfLosses, showLoss, showPerson } from '../present/losses.ts';
import { sourcePeople } from '../present/sourceIncident.ts';
import {
  Incident,
  IncidentClaim,
  IncidentDecided,
  IncidentDecision,
  IncidentList,
  IncidentNote,
  IncidentPeople,
  IncidentState,
  IncidentUndo,
  NewIncidentNote,
} from '../schemas/incidents.ts';

const INCIDENTS = '/environments/:envId/propagation/incidents';
const INCIDENT = '/environments/:envId/propagation/incidents/:incidentId';

export const incidents = {
  listIncidents: endpoint({
    method: 'get',
    path: INCIDENTS,
    scope: 'read',
    scans: true,
    summary: 'List incidents, the newest first',
    query: { ...PAGE, state: IncidentState.optional() },
    answers: { 200: IncidentList },
    handle: async (call, deps) => {
      const { environment, query } = call;
      const filter = { environmentId: environment.id, state: query.state ?? null };
      const key = readCursor(query, ['integer']);
      const rows = await listIncidents(deps.db, filter, query.limit + 1, key && Number(key[0]));
      const shown = new Map<string, Shown>();
      for (const row of rows.slice(0, query.limit)) shown.set(row.id, await show(deps, row));
      return ok(
        page(call, {
          name: 'incidents',
          rows,
          count: await countIncidents(deps.db, filter),
          keyOf: (row) => [row.number],
          show: (row) => shown.get(row.id) as Shown,
        }),
      );
    },
  }),

  readIncident: endpoint({
    method: 'get',
    path: INCIDENT,
    scope: 'read',
    summary: 'Show an incident: what came in, who lost what, what is held',
    answers: { 200: Incident },
    handle: async ({ environment, params }, deps) =>
      ok(await show(deps, await named(deps, environment, params.incidentId))),
  }),

  listIncidentPeople: endpoint({
    method: 'get',
    path: `${INCIDENT}/people`,
    scope: 'read',
    scans: true,
    summary: 'List whom an incident concerns, those who left first',
    query: PAGE,
    answers: { 200: IncidentPeople },
    handle: async (call, deps) => {
      const incident = await named(deps, call.environment, call.params.incidentId);
      if (incident.kind === 'source') return ok(await sourcePeople(call, deps, incident));
      const { id, environmentId } = incident;
      const key = readCursor(call.query, ['integer', 'text', 'text']);
      const after = key && { rank: Number(key[0]), since: String(key[1]), personKey: String(key[2]) };
      const where = { incident_id: id };
      const rows = await listLosers(deps.db, where, { after, limit: call.query.limit + 1 });
      const losses = await lossesOf(
        deps.db,
        where,
        rows.map((row) => row.personKey),
      );
      const known = await knownOfLosses(deps.db, environmentId, losses);
      return ok(
        page(call, {
          name: 'people',
          rows,
          count: await countLosers(deps.db, where),
          keyOf: (row) => [row.rank, row.since, row.personKey],
          show: (row) => {
            const { own, shown } = showPerson(row, losses, known);
            return { id: row.personKey, ...shown, items: own.map((loss) => showLoss(loss, known)) };
          },
        }),
      );
    },
  }),

  approveIncident: decision('approve', 'approved', 'Approve what is held of an incident, on all its stores'),
  discardIncident: decision('discard', 'discarded', 'Discard what is held of an incident, on all its stores'),

  undoIncident: endpoint({
    method: 'post',
    path: `${INCIDENT}/undo`,
    scope: 'write',
    summary: 'Give back what an incident took, and discard what is held of it',
    body: IncidentUndo,
    answers: { 200: IncidentDecided, 202: IncidentDecided },
    refusals: { 409: 'The incident was closed more than 7 days ago.' },
    handle: async ({ environment, params, body, cause }, deps) => {
      const incident = await named(deps, environment, params.incidentId);
      const undo = incident.kind === 'source' ? undoSource : undoIncident;
      return decided(await undo(deps.propagation, incident, undoSelection(body), cause));
    },
  }),

  claimIncident: endpoint({
    method: 'post',
    path: `${INCIDENT}/claim`,
    scope: 'write',
    summary: 'Say that you see to an incident',
    body: IncidentClaim,
    answers: { 200: Incident },
    refusals: { 409: 'Somebody else does: `claimedBy` says who.' },
    handle: async ({ environment, params, body, cause }, deps) => {
      const incident = await named(deps, environment, params.incidentId);
      return ok(await show(deps, await claimIncident(deps.propagation, incident, body, cause)));
    },
  }),

  noteOnIncident: endpoint({
    method: 'post',
    path: `${INCIDENT}/notes`,
    scope: 'write',
    summary: 'Leave a note on an incident',
    body: NewIncidentNote,
    answers: { 201: IncidentNote },
    handle: async ({ environment, params, body, cause }, deps) => {
      const incident = await named(deps, environment, params.incidentId);
      const note = await noteOnIncident(deps.propagation, incident, body.text, cause);
      return created(note, hrefOf(deps, incident));
    },
  }),
};

function decision(verb: 'approve' | 'discard', state: 'approved' | 'discarded', summary: string) {
  return endpoint({
    method: 'post',
    path: `${INCIDENT}/${verb}`,
    scope: 'write',
    summary,
    body: IncidentDecision,
    answers: { 200: IncidentDecided, 202: IncidentDecided },
    handle: async ({ environment, params, body, cause }, deps) => {
      const incident = await named(deps, environment, params.incidentId);
      const decide = incident.kind === 'source' ? decideOnSource : decideOnIncident;
      return decided(await decide(deps.propagation, incident, selection(body), state, cause));
    },
  });
}

function selection({ left, ...others }: z.output<typeof IncidentDecision>): IncidentSelection {
  return left ? { left } : undoSelection(others);
}

function undoSelection({ personIds, causes }: z.output<typeof IncidentUndo>) {
  if (personIds) return { personIds };
  return causes ? { causes } : ({ all: true } as const);
}

function decided(losses: readonly DecidedLine[]) {
  const people = new Set(losses.map((loss) => loss.personKey)).size;
  const body = { decided: losses.length, people, ids: losses.map(({ id }) => id) };
  return losses.length === 0 ? ok(body) : accepted(body);
}

async function named({ db }: ApiDeps, environment: EnvironmentRecord, id: string): Promise<IncidentRecord> {
  const incident = await getIncident(db, environment.id, id);
  if (!incident) throw notFound('incident', id);
  return incident;
}

type Shown = Awaited<ReturnType<typeof show>>;

async function show(deps: ApiDeps, incident: IncidentRecord) {
  const { id, number, kind, state, openedAt, closedAt, claimedBy } = incident;
  const self = hrefOf(deps, incident);
  return {
    ...{ id, number, kind, state, openedAt },
    ...(closedAt === null ? {} : { closedAt }),
    ...(await shownIncident(deps.propagation, incident)),
    ...(claimedBy ? { claimedBy } : {}),
    _links: { self: { href: self }, people: { href: `${self}/people` } },
  };
}

function hrefOf(deps: ApiDeps, { environmentId, id }: IncidentRecord): string {
  return href(deps, 'environments', environmentId, 'propagation', 'incidents', id);
}
