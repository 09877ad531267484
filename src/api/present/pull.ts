/** Shows runs over pulled directories and their lines. */

import type { ConnectionRecord } from '../../db/identity/connections.ts';
import type { Line } from '../../db/pull/changes.ts';
import type { PullRun } from '../../db/pull/runs.ts';
import type { ApiDeps } from '../deps.ts';
import { connectionHref } from '../href.ts';

export function showPullRun(deps: ApiDeps, connection: ConnectionRecord, run: PullRun) {
  const { id, connectionId, state, mode, day, progress, summary, error, incidentId } = run;
  const { createdAt, startedAt, finishedAt } = run;
  const self = connectionHref(deps, connection, 'syncs', id);
  return {
    ...{ id, connectionId, state, mode },
    ...(day === null ? {} : { day }),
    ...{ progress, summary: { ...summary } },
    ...(error === null ? {} : { error }),
    ...(incidentId === null ? {} : { incident: { id: incidentId } }),
    createdAt,
    ...(startedAt === null ? {} : { startedAt }),
    ...(finishedAt === null ? {} : { finishedAt }),
    _links: { self: { href: self }, changes: { href: `${self}/changes` } },
  };
}

export function showLine({ id: runId }: PullRun, line: Line) {
  const { seq, op, kind, sourceId, subjectId, personId, display, detail, state, reason } = line;
  const { group, attributes, filtered } = detail;
  const said = reason ?? (filtered ? 'filtered out: the settings leave it out' : null);
  return {
    id: `${runId}.${seq}`,
    op,
    // For a user, the subject is the person. Somebody who is not in the directory yet has only the source's id.
    subject: { kind, id: (kind === 'user' ? personId : subjectId) ?? sourceId, display },
    remoteId: sourceId,
    ...(attributes ? { attributes } : {}),
    ...(group ? { member: { id: group.sourceId, display: group.display } } : {}),
    held: state === 'held',
    state,
    ...(said === null ? {} : { reason: said }),
  };
}
