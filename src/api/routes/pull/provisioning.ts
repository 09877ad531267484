/** `…/connections/{id}/directory-provisioning`: the same connection in the form that users of Auth0 know. */

import { startPull } from '../../../control/pull/standing.ts';
import { countSyncedGroups, listSyncedGroups } from '../../../db/pull/directory.ts';
import { accepted, endpoint, ok } from '../../endpoint.ts';
import { connectionHref } from '../../href.ts';
import { PAGE, page, readCursor } from '../../lists.ts';
import { pullSettingsShown } from '../../present/connection.ts';
import { showPullRun } from '../../present/pull.ts';
import {
  DirectoryProvisioning,
  Synchronization,
  SynchronizedGroups,
} from '../../schemas/pull/provisioning.ts';
import { DefaultMapping } from '../../schemas/pull/runs.ts';
import { defaultMapping, pulled } from './lifecycle.ts';

const PROVISIONING = '/environments/:envId/connections/:connectionId/directory-provisioning';
const NOT_PULLED = { 409: 'It is not pulled.' };
const SHOWN = { All: 'all', Off: 'off', Selected: 'selected' } as const;

export const directoryProvisioning = {
  readDirectoryProvisioning: endpoint({
    method: 'get',
    path: PROVISIONING,
    scope: 'read',
    summary: "Show a pulled connection in the shape of Auth0's directory provisioning",
    answers: { 200: DirectoryProvisioning },
    refusals: NOT_PULLED,
    handle: async ({ connection }, deps) => {
      const record = await pulled(deps, connection);
      const { mapping, sync, groups } = pullSettingsShown(deps, record);
      const { id, name, strategy, createdAt, updatedAt } = connection;
      return ok({
        ...{ connectionId: id, connectionName: name, strategy, mapping },
        ...{ synchronizeAutomatically: sync.enabled, synchronizeGroups: SHOWN[groups.mode] },
        ...{ createdAt, updatedAt },
        lastSynchronizationAt: record.lastSync?.at ?? null,
        lastSynchronizationStatus: record.lastSync?.status ?? null,
        lastSynchronizationError: record.lastSync?.error ?? null,
        _links: {
          self: { href: connectionHref(deps, connection, 'directory-provisioning') },
          connection: { href: connectionHref(deps, connection) },
        },
      });
    },
  }),

  readDirectoryDefaultMapping: endpoint({
    method: 'get',
    path: `${PROVISIONING}/default-mapping`,
    scope: 'read',
    summary: 'Show the mapping of the strategy of a pulled connection, as `defaultMapping` does',
    answers: { 200: DefaultMapping },
    refusals: NOT_PULLED,
    handle: async ({ connection }, deps) => ok(defaultMapping(deps, await pulled(deps, connection))),
  }),

  listSynchronizedGroups: endpoint({
    method: 'get',
    path: `${PROVISIONING}/synchronized-groups`,
    scope: 'read',
    scans: true,
    summary: 'List the groups that a pulled connection has brought',
    query: PAGE,
    answers: { 200: SynchronizedGroups },
    refusals: NOT_PULLED,
    handle: async (call, deps) => {
      const { id } = await pulled(deps, call.connection);
      const key = readCursor(call.query, ['text']);
      const rows = await listSyncedGroups(deps.db, id, key ? String(key[0]) : '', call.query.limit + 1);
      const count = await countSyncedGroups(deps.db, id);
      return ok(
        page(call, { name: 'groups', rows, count, keyOf: (group) => [group.id], show: (group) => group }),
      );
    },
  }),

  startSynchronization: endpoint({
    method: 'post',
    path: `${PROVISIONING}/synchronizations`,
    scope: 'write',
    summary: 'Pull a directory now, as `syncs` does',
    answers: { 202: Synchronization },
    refusals: { 409: 'It is not pulled, STAGED or PAUSED, or another run is under way.' },
    handle: async ({ connection, cause }, deps) => {
      const record = await pulled(deps, connection);
      const run = await startPull(
        deps.propagation,
        record,
        { full: false, preview: false, day: null },
        cause,
      );
      const shown = showPullRun(deps, connection, run);
      return accepted({ ...shown, synchronizationId: run.id, status: run.state });
    },
  }),
};
