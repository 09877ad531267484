/** `…/connections`: where identities come from. One that has people goes with them, step by step. */

import { refuseOtherVersion } from '../../control/conflicts.ts';
import { deleteConnection } from '../../control/endings/connectionDeletion.ts';
import {
  type ConnectionInput,
  changeConnection,
  createConnection,
} from '../../control/identity/connections.ts';
import { type ConnectionCounts, countsOfConnections } from '../../db/identity/connectionCounts.ts';
import {
  type ConnectionRecord,
  countConnections,
  getConnection,
  listConnections,
} from '../../db/identity/connections.ts';
import { storesWaitedFor } from '../../db/identity/tombstones.ts';
import type { ApiDeps } from '../deps.ts';
import { accepted, created, endpoint, noContent, ok } from '../endpoint.ts';
import { connectionHref } from '../href.ts';
import { keyOfRecord, PAGE, page, readCursorOfRecords } from '../lists.ts';
import { applyPatch } from '../patch.ts';
import { notFound } from '../path.ts';
import {
  Connection,
  ConnectionList,
  ConnectionPatch,
  ConnectionReplacement,
  NewConnection,
} from '../schemas/connections.ts';
import { DELETION_QUERY, deletionOptions, showDeletion } from '../schemas/deletion.ts';

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
      const counts = await countsOfConnections(
        deps.db,
        rows.map((row) => row.id),
      );
      return ok(
        page(call, {
          name: 'connections',
          rows,
          count: await countConnections(deps.db, id),
          keyOf: keyOfRecord,
          show: (connection) => show(deps, connection, counts),
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
      const made = await createConnection(deps, environment.id, body, cause);
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
    body: ConnectionReplacement,
    answers: { 200: Connection },
    refusals: { 409: NAME_TAKEN, 412: MOVED },
    handle: async ({ connection, body, expected, cause }, deps) =>
      answer(deps, await changeConnection(deps, connection, inputOf(body), expected, cause)),
  }),

  patchConnection: endpoint({
    method: 'patch',
    path: CONNECTION,
    scope: 'write',
    summary: 'Change some settings of a connection',
    body: ConnectionPatch,
    answers: { 200: Connection },
    refusals: { 409: NAME_TAKEN, 412: MOVED },
    handle: async ({ connection, body, expected, cause }, deps) => {
      const changed = await applyPatch({
        expected,
        patch: body,
        replacement: ConnectionReplacement,
        read: async () => {
          const { environmentId, id } = connection;
          return (await getConnection(deps.db, environmentId, id)) ?? gone(id);
        },
        show: ({ name, handle, strategy, unknownAttributes, retentionDays, metadata, ...matching }) => {
          const { matchPeople, reusedIdentifiers, silentAfterHours } = matching;
          const shown = { name, handle, strategy, unknownAttributes, retentionDays, metadata };
          return { ...shown, matchPeople, reusedIdentifiers, silentAfterHours };
        },
        write: (before, replacement, version) =>
          changeConnection(deps, before, inputOf(replacement), version, cause),
      });
      return answer(deps, changed);
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

/** Of one that is being deleted also what that waits for. */
async function answer(deps: ApiDeps, connection: ConnectionRecord) {
  const shown = show(deps, connection, await countsOfConnections(deps.db, [connection.id]));
  const version = connection.updatedAt;
  if (!shown.deletion) return { ...ok(shown), version };
  const waitsFor = await storesWaitedFor(deps.db, connection.id);
  return { ...ok({ ...shown, deletion: { ...shown.deletion, waitsFor } }), version };
}

const NOTHING_YET: ConnectionCounts = { users: 0, active: 0, groups: 0, attributes: 0 };

function show(deps: ApiDeps, connection: ConnectionRecord, counts: ReadonlyMap<string, ConnectionCounts>) {
  const { id, environmentId, name, handle, strategy, isPrimary, deletion, createdAt, updatedAt } = connection;
  const { unknownAttributes, matchPeople, reusedIdentifiers, retentionDays, metadata } = connection;
  const { silentAfterHours } = connection;
  return {
    id,
    environment: { id: environmentId },
    ...{ name, handle, strategy, mode: 'push' as const, isPrimary },
    ...{ unknownAttributes, matchPeople, reusedIdentifiers, retentionDays, metadata, silentAfterHours },
    status: deletion ? ('DELETING' as const) : ('ACTIVE' as const),
    ...(deletion ? { deletion: showDeletion(deletion) } : {}),
    counts: counts.get(id) ?? NOTHING_YET,
    timestamps: { createdAt, updatedAt },
    createdAt,
    updatedAt,
    _links: {
      self: { href: connectionHref(deps, connection) },
      scimConfiguration: { href: connectionHref(deps, connection, 'scim-configuration') },
    },
  };
}
