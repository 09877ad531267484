/**
 * `…/connections`: where identities come from. The deletion of a connection also removes its people, step by step.
 */

import type { z } from 'zod';
import { refuseOtherVersion, type Versions } from '../../control/conflicts.ts';
import { deleteConnection } from '../../control/endings/connectionDeletion.ts';
import {
  type ConnectionInput,
  changeConnection,
  createConnection,
} from '../../control/identity/connections.ts';
import {
  type Changed,
  changePulled,
  createPulled,
  type PulledInput,
} from '../../control/pull/connections.ts';
import { countsOfConnections } from '../../db/identity/connectionCounts.ts';
import {
  type ConnectionRecord,
  countConnections,
  getConnection,
  listConnections,
} from '../../db/identity/connections.ts';
import { getPulled, pulledAmong } from '../../db/pull/connections.ts';
import type { Cause } from '../../model/cause.ts';
import { isPulledStrategy, onlyEnriches } from '../../model/pull/pull.ts';
import type { ApiDeps } from '../deps.ts';
import { accepted, created, endpoint, noContent, ok } from '../endpoint.ts';
import { connectionHref } from '../href.ts';
import { keyOfRecord, PAGE, page, readCursorOfRecords } from '../lists.ts';
import { applyPatch } from '../patch.ts';
import { notFound } from '../path.ts';
import { connectionShown, pullSettingsBefore, showConnection } from '../present/connection.ts';
import { showPullRun } from '../present/pull.ts';
import {
  Connection,
  ConnectionList,
  ConnectionPatch,
  ConnectionReplacement,
  NewConnection,
} from '../schemas/connections.ts';
import { DELETION_QUERY, deletionOptions } from '../schemas/deletion.ts';
import { APPLY } from '../schemas/pull/apply.ts';
import { ConnectionChanged } from '../schemas/pull/changed.ts';
import { PullRunShown } from '../schemas/pull/runs.ts';

const CONNECTIONS = '/environments/:envId/connections';
const CONNECTION = '/environments/:envId/connections/:connectionId';
const NAME_TAKEN = 'Another connection has the name or the handle, or this one is being deleted.';
const MOVED = 'It is not at the version of If-Match.';

export const connections = {
  listConnections: endpoint({
    method: 'get',
    path: CONNECTIONS,
    scope: 'read',
    summary: 'List the connections of an environment',
    query: PAGE,
    answers: { 200: ConnectionList },
    handle: async (call, deps) => {
      const { limit } = call.query;
      const { id } = call.environment;
      const rows = await listConnections(deps.db, id, limit + 1, readCursorOfRecords(call.query));
      const ids = rows.map((row) => row.id);
      const counts = await countsOfConnections(deps.db, ids);
      const records = await pulledAmong(deps.db, ids);
      return ok(
        page(call, {
          name: 'connections',
          rows,
          count: await countConnections(deps.db, id),
          keyOf: keyOfRecord,
          show: (connection) => showConnection(deps, connection, counts, records.get(connection.id)),
        }),
      );
    },
  }),

  createConnection: endpoint({
    method: 'post',
    path: CONNECTIONS,
    scope: 'write',
    summary: 'Make a connection for an identity provider',
    body: NewConnection,
    answers: { 201: Connection },
    refusals: { 409: 'Another connection has the name or the handle, or the environment is being deleted.' },
    handle: async ({ environment, body, cause }, deps) => {
      const made = isPulledStrategy(body.strategy)
        ? await createPulled(deps.propagation, environment.id, pulledInput(body), cause)
        : await createConnection(deps, environment.id, inputOf(body), cause);
      const { body: shown, version } = await answer(deps, made);
      return created(shown, connectionHref(deps, made), { version });
    },
  }),

  readConnection: endpoint({
    method: 'get',
    path: CONNECTION,
    scope: 'read',
    summary: 'Show a connection',
    answers: { 200: Connection },
    handle: ({ connection }, deps) => answer(deps, connection),
  }),

  replaceConnection: endpoint({
    method: 'put',
    path: CONNECTION,
    scope: 'write',
    summary: 'Replace the settings of a connection',
    query: APPLY,
    body: ConnectionReplacement,
    answers: { 200: ConnectionChanged, 202: PullRunShown },
    refusals: { 409: NAME_TAKEN, 412: MOVED },
    handle: async ({ connection, query, body, expected, cause }, deps) =>
      changed(
        deps,
        connection,
        await change(deps, connection, body, { apply: query.apply, expected, cause }),
      ),
  }),

  patchConnection: endpoint({
    method: 'patch',
    path: CONNECTION,
    scope: 'write',
    summary: 'Change some settings of a connection',
    query: APPLY,
    body: ConnectionPatch,
    answers: { 200: ConnectionChanged, 202: PullRunShown },
    refusals: { 409: NAME_TAKEN, 412: MOVED },
    handle: async ({ connection, query, body, expected, cause }, deps) => {
      const { environmentId, id } = connection;
      const record = await getPulled(deps.db, id);
      const after = await applyPatch({
        expected,
        patch: body,
        replacement: ConnectionReplacement,
        read: async () => (await getConnection(deps.db, environmentId, id)) ?? gone(id),
        show: ({ name, handle, strategy, unknownAttributes, retentionDays, metadata, ...matching }) => {
          const { matchPeople, reusedIdentifiers, silentAfterHours } = matching;
          const shown = { name, handle, strategy, unknownAttributes, retentionDays, metadata };
          const pulled = record ? pullSettingsBefore(deps, record) : {};
          return { ...shown, matchPeople, reusedIdentifiers, silentAfterHours, ...pulled };
        },
        write: (before, replacement, version) =>
          change(deps, before, replacement, { apply: query.apply, expected: version, cause }),
      });
      return changed(deps, connection, after);
    },
  }),

  deleteConnection: endpoint({
    method: 'delete',
    path: CONNECTION,
    scope: 'write',
    summary: 'Delete a connection with all that it brought',
    query: DELETION_QUERY,
    answers: { 202: Connection, 204: null },
    refusals: { 409: 'It has people or groups, and nobody confirmed that they go.', 412: MOVED },
    handle: async ({ connection, query, expected, cause }, deps) => {
      refuseOtherVersion(expected, connection);
      const { environmentId, id } = connection;
      const options = deletionOptions(query);
      const done = await deleteConnection(deps.propagation, environmentId, id, options, cause);
      const left = done ? null : await getConnection(deps.db, environmentId, id);
      return left ? accepted((await answer(deps, left)).body) : noContent;
    },
  }),
};

function gone(id: string): never {
  throw notFound('connection', id);
}

function inputOf(body: ConnectionInput): ConnectionInput {
  const { name, handle, strategy, isPrimary, unknownAttributes, retentionDays, metadata } = body;
  const { matchPeople, reusedIdentifiers, silentAfterHours } = body;
  return {
    ...{ name, handle, strategy, isPrimary, unknownAttributes, retentionDays, metadata },
    ...{ matchPeople, reusedIdentifiers, silentAfterHours },
  };
}

interface Meant {
  readonly apply: boolean;
  readonly expected: Versions;
  readonly cause: Cause;
}

async function change(
  deps: ApiDeps,
  connection: ConnectionRecord,
  body: z.output<typeof ConnectionReplacement>,
  meant: Meant,
): Promise<Changed> {
  const record = await getPulled(deps.db, connection.id);
  if (record) return changePulled(deps.propagation, connection, record, pulledInput(body), meant);
  const saved = await changeConnection(deps, connection, inputOf(body), meant.expected, meant.cause);
  return { outcome: 'saved', connection: saved };
}

async function changed(deps: ApiDeps, connection: ConnectionRecord, change: Changed) {
  switch (change.outcome) {
    case 'saved':
      return answer(deps, change.connection);
    case 'preview':
      return ok({ preview: change.run.id });
    case 'run':
      return accepted(showPullRun(deps, connection, change.run));
  }
}

function pulledInput(body: z.output<typeof NewConnection>): PulledInput {
  const { strategy, enrich = false, configuration, sync, groups, manager, mapping, tags, domains } = body;
  return {
    ...inputOf(body),
    configuration,
    settings: {
      enrich: onlyEnriches(strategy, { enrich }),
      sync: sync ?? { enabled: true, intervalMinutes: 15, fullIntervalMinutes: 1440 },
      groups: groups ?? { mode: 'All', selected: [] },
      manager: manager ?? { enabled: true, childKey: null, parentKey: null },
      mapping: mapping ?? null,
      tags: tags ?? [],
      domains: domains ?? [],
    },
  };
}

async function answer(deps: ApiDeps, connection: ConnectionRecord) {
  return { ...ok(await connectionShown(deps, connection)), version: connection.updatedAt };
}
