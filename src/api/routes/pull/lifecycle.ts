/** `…/connections/{id}/check`, `activate`, `pause`, `resume`: the states of a pulled connection. */

import { activatePulled } from '../../../control/pull/connections.ts';
import { pausePulledByAdmin, resumePulled } from '../../../control/pull/standing.ts';
import type { ConnectionRecord } from '../../../db/identity/connections.ts';
import { getConnection } from '../../../db/identity/connections.ts';
import { getPulled, type PulledRecord } from '../../../db/pull/connections.ts';
import { RequestError } from '../../../model/errors.ts';
import { describeCheck } from '../../../stores/check.ts';
import type { ApiDeps } from '../../deps.ts';
import { accepted, endpoint, ok } from '../../endpoint.ts';
import { notFound } from '../../path.ts';
import { connectionShown } from '../../present/connection.ts';
import { showPullRun } from '../../present/pull.ts';
import { Connection } from '../../schemas/connections.ts';
import { APPLY } from '../../schemas/pull/apply.ts';
import { DefaultMapping, PullPreviewed, PullRunShown, SourceChecked } from '../../schemas/pull/runs.ts';

const CONNECTION = '/environments/:envId/connections/:connectionId';

export const connectionLife = {
  checkPulledConnection: endpoint({
    method: 'post',
    path: `${CONNECTION}/check`,
    scope: 'write',
    summary: 'Ask the directory of a pulled connection whether the credential is good, right by right',
    answers: { 200: SourceChecked },
    refusals: { 409: 'It is not pulled.', 503: 'No worker is there to ask.' },
    handle: async ({ connection, admin }, deps) => {
      const record = await pulled(deps, connection);
      const check = await deps.propagation.inquiries.check(record);
      const { status, details } = describeCheck(check, record, admin.environmentId);
      return ok({ status, details: details.map(({ code, message }) => ({ code, message })) });
    },
  }),

  activateConnection: endpoint({
    method: 'post',
    path: `${CONNECTION}/activate`,
    scope: 'write',
    summary: 'Check and pin a pulled connection; show its first full sync, or with apply=true run it',
    query: APPLY,
    answers: { 200: PullPreviewed, 202: PullRunShown },
    refusals: {
      409: 'It is not pulled, not STAGED, or cannot be reached.',
      503: 'No worker is there to ask.',
    },
    handle: async ({ connection, query, cause }, deps) => {
      const record = await pulled(deps, connection);
      const { apply } = query;
      const run = await activatePulled(deps.propagation, record, apply, cause);
      return apply ? accepted(showPullRun(deps, connection, run)) : ok({ preview: run.id });
    },
  }),

  pauseConnection: standing(
    'pause',
    'Stop pulling a connection until somebody resumes it',
    pausePulledByAdmin,
  ),
  resumeConnection: standing('resume', 'Check a paused connection, and pull it again', resumePulled),

  readDefaultMapping: endpoint({
    method: 'get',
    path: `${CONNECTION}/defaultMapping`,
    scope: 'read',
    summary: 'Show the mapping of the strategy of a pulled connection',
    answers: { 200: DefaultMapping },
    refusals: { 409: 'It is not pulled.' },
    handle: async ({ connection }, deps) => ok(defaultMapping(deps, await pulled(deps, connection))),
  }),
};

export function defaultMapping(deps: ApiDeps, { type }: PulledRecord) {
  const mapping = deps.propagation.sources.get(type)?.defaultMapping ?? [];
  return { mapping: mapping.map(({ target, sources }) => ({ target, sources: [...sources] })) };
}

function standing(verb: 'pause' | 'resume', summary: string, change: typeof pausePulledByAdmin) {
  return endpoint({
    method: 'post',
    path: `${CONNECTION}/${verb}`,
    scope: 'write',
    summary,
    answers: { 200: Connection },
    refusals: { 409: 'It is not pulled, or its check failed.' },
    handle: async ({ connection, cause }, deps) => {
      await change(deps.propagation, await pulled(deps, connection), cause);
      const { environmentId, id } = connection;
      const after = await getConnection(deps.db, environmentId, id);
      if (!after) throw notFound('connection', id);
      return ok(await connectionShown(deps, after));
    },
  });
}

/** Throws a 409 for a connection that is not pulled. */
export async function pulled({ db }: ApiDeps, { id, name }: ConnectionRecord): Promise<PulledRecord> {
  const record = await getPulled(db, id);
  if (record) return record;
  throw new RequestError(
    409,
    `The connection ${name} is not pulled: its identity provider pushes over SCIM.`,
  );
}
