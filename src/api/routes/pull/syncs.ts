/** `…/connections/{id}/syncs`: runs over a pulled directory, and what each would change or has changed. */

import { startPull } from '../../../control/pull/standing.ts';
import { countLines, linesOf } from '../../../db/pull/changes.ts';
import { getPullRun, listPullRuns, type PullRun } from '../../../db/pull/runs.ts';
import type { ApiDeps } from '../../deps.ts';
import { accepted, endpoint, ok } from '../../endpoint.ts';
import { keyOfRecord, PAGE, page, readCursor, readCursorOfRecords } from '../../lists.ts';
import { notFound } from '../../path.ts';
import { showLine, showPullRun } from '../../present/pull.ts';
import { PullChanges, PullRequest, PullRunList, PullRunShown } from '../../schemas/pull/runs.ts';
import { pulled } from './lifecycle.ts';

const SYNCS = '/environments/:envId/connections/:connectionId/syncs';

export const connectionSyncs = {
  startPull: endpoint({
    method: 'post',
    path: SYNCS,
    scope: 'write',
    summary: 'Pull a directory now',
    body: PullRequest,
    answers: { 202: PullRunShown },
    refusals: { 409: 'It is not pulled, STAGED or PAUSED, or another run is under way.' },
    handle: async ({ connection, body, cause }, deps) => {
      const { full, preview, day = null } = body;
      const run = await startPull(
        deps.propagation,
        await pulled(deps, connection),
        { full, preview, day },
        cause,
      );
      return accepted(showPullRun(deps, connection, run));
    },
  }),

  listPulls: endpoint({
    method: 'get',
    path: SYNCS,
    scope: 'read',
    summary: 'List the runs over a pulled directory, the newest first',
    query: PAGE,
    answers: { 200: PullRunList },
    handle: async (call, deps) => {
      const { connection, query } = call;
      const rows = await listPullRuns(deps.db, connection.id, query.limit + 1, readCursorOfRecords(query));
      const show = (run: PullRun) => showPullRun(deps, connection, run);
      return ok(page(call, { name: 'syncs', rows, count: null, keyOf: keyOfRecord, show }));
    },
  }),

  readPull: endpoint({
    method: 'get',
    path: `${SYNCS}/:syncId`,
    scope: 'read',
    summary: 'Show how far a run over a pulled directory is, and what came of it',
    answers: { 200: PullRunShown },
    handle: async ({ connection, params }, deps) =>
      ok(showPullRun(deps, connection, await named(deps, connection.id, params.syncId))),
  }),

  listPullChanges: endpoint({
    method: 'get',
    path: `${SYNCS}/:syncId/changes`,
    scope: 'read',
    scans: true,
    summary: 'List what a run would change, or changed',
    query: PAGE,
    answers: { 200: PullChanges },
    handle: async (call, deps) => {
      const run = await named(deps, call.connection.id, call.params.syncId);
      const key = readCursor(call.query, ['integer']);
      const rows = await linesOf(
        deps.db,
        run.id,
        null,
        key === null ? 0 : Number(key[0]),
        call.query.limit + 1,
      );
      const count = await countLines(deps.db, run.id, null);
      const show = (line: (typeof rows)[number]) => showLine(run, line);
      return ok(page(call, { name: 'changes', rows, count, keyOf: ({ seq }) => [seq], show }));
    },
  }),
};

async function named({ db }: ApiDeps, connectionId: string, id: string): Promise<PullRun> {
  const run = await getPullRun(db, connectionId, id);
  if (!run) throw notFound('run', id);
  return run;
}
