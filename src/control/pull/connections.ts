/**
 * Makes and changes pulled connections, and takes one from STAGED to ACTIVE. A change that may leave people out is
 * previewed first, and saved only when an admin applies it.
 */

import { appendEvent } from '../../db/events.ts';
import type { ConnectionRecord } from '../../db/identity/connections.ts';
import type { Db } from '../../db/open.ts';
import { insertPulled, lockPulled, type PulledRecord, updatePulled } from '../../db/pull/connections.ts';
import { insertPullRun, type NewRun, openPullRun, type PullRun, savePullRun } from '../../db/pull/runs.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import { onlyEnriches, type PullSettings } from '../../model/pull/pull.ts';
import type { SourceDefinition } from '../../sources/source.ts';
import { type Check, missingAmong, tenantMistake } from '../../stores/check.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { BY_ADMIN, pinned, UNPAUSED } from '../../stores/peerState.ts';
import { sealSecrets } from '../../stores/storeSecrets.ts';
import { isoTime } from '../../support/clock.ts';
import type { Versions } from '../conflicts.ts';
import { type ConnectionInput, changeConnection, createConnection } from '../identity/connections.ts';
import { readNewConfiguration, readReplacedConfiguration } from '../storeConfiguration.ts';
import { refuseMistakes, refuseOtherRole, whatChanges } from './settings.ts';

export interface PulledInput extends ConnectionInput {
  readonly configuration: unknown;
  readonly settings: PullSettings;
}

export type Changed =
  | { readonly outcome: 'saved'; readonly connection: ConnectionRecord }
  | { readonly outcome: 'preview'; readonly run: PullRun }
  | { readonly outcome: 'run'; readonly run: PullRun };

export function definitionOfSource(
  { sources }: Pick<PropagationDeps, 'sources'>,
  strategy: string,
): SourceDefinition {
  const definition = sources.get(strategy);
  if (definition) return definition;
  const detail = `this bridge cannot pull directories of strategy ${strategy}; it can pull ${sources.strategies.join(', ')}`;
  throw new RequestError(400, detail, [{ pointer: '/strategy', detail }]);
}

/**
 * Makes a connection that is STAGED: the bridge reads nothing yet. Throws as `createConnection` does, and a 400 for
 * its settings.
 */
export async function createPulled(
  deps: PropagationDeps,
  environmentId: string,
  input: PulledInput,
  cause: Cause,
): Promise<ConnectionRecord> {
  const definition = definitionOfSource(deps, input.strategy);
  const read = readNewConfiguration(definition, input.configuration ?? {});
  refuseMistakes(definition, read, input.settings, null);
  const enriches = onlyEnriches(input.strategy, input.settings);
  return createConnection(deps, environmentId, { ...input, enriches }, cause, async (tx, connection) => {
    const { id, name, strategy, createdAt } = connection;
    await insertPulled(tx, {
      ...{ id, environmentId, name, type: strategy, status: 'STAGED', updatedAt: createdAt },
      ...sealSecrets(deps.keyring, definition, id, read.given),
      settings: input.settings,
      ...{ tenantId: null, tenantName: null, self: null, ...UNPAUSED },
      ...{ position: null, lastSync: null, lastSuccessAt: null, lastFullAt: null },
      ...{ fullDueSince: null, nextRunAt: null },
    });
  });
}

/**
 * Throws as `changeConnection` does, 400 for bad settings or a credential that fails, 409 while a run is under way.
 */
export async function changePulled(
  deps: PropagationDeps,
  connection: ConnectionRecord,
  record: PulledRecord,
  input: PulledInput,
  { apply, expected, cause }: { readonly apply: boolean; readonly expected: Versions; readonly cause: Cause },
): Promise<Changed> {
  const definition = definitionOfSource(deps, record.type);
  const read = readReplacedConfiguration(deps.keyring, definition, record, input.configuration ?? {});
  refuseMistakes(definition, read, input.settings, record.settings);
  refuseOtherRole(record, input.settings);
  const { given } = read;
  const change = whatChanges(deps.keyring, definition, record, given, input.settings);
  const isActive = record.status === 'ACTIVE';
  if (isActive && change.connection) {
    const trial = { id: record.id, definition: { ...definition, type: record.type }, given };
    refuseFailedCheck(record, await deps.inquiries.checkTrial(trial));
  }
  const sealed = sealSecrets(deps.keyring, definition, record.id, given);
  if (isActive && change.scope && !apply) {
    const trial = { ...sealed, settings: input.settings };
    const run = await queueRun(deps, record, { mode: 'preview', takesFiltered: true, trial }, cause);
    return { outcome: 'preview', run };
  }
  let run: PullRun | null = null;
  const heals = isActive && change.connection && record.paused !== null && record.paused.code !== BY_ADMIN;
  const saved = await changeConnection(
    deps,
    connection,
    input,
    expected,
    cause,
    async (tx, { name, updatedAt }) => {
      const current = await lockPulled(tx, record.id);
      if (!current) throw new RequestError(404, `There is no connection ${record.id} here.`);
      const now = deps.clock.now();
      const after: PulledRecord = {
        ...current,
        ...sealed,
        ...{ name, updatedAt, settings: input.settings },
        ...(heals ? UNPAUSED : {}),
        ...(change.connection || change.shape ? { fullDueSince: isoTime(now) } : {}),
        // A changed schedule counts from now.
        nextRunAt: isActive && input.settings.sync.enabled ? isoTime(now) : null,
      };
      const scheduleStays = JSON.stringify(current.settings.sync) === JSON.stringify(input.settings.sync);
      await updatePulled(tx, scheduleStays ? { ...after, nextRunAt: current.nextRunAt } : after);
      if (!isActive || !change.scope) return;
      if (current.paused) await giveUpWaiting(tx, record.id, isoTime(now));
      run = await insertRun(tx, deps, after, { mode: 'full', takesFiltered: true }, cause);
    },
  );
  deps.wake.signal();
  return run === null ? { outcome: 'saved', connection: saved } : { outcome: 'run', run };
}

/**
 * Ends a run that waits until its connection is resumed, and has changed nothing yet: the run with the changed settings
 * takes its place. Otherwise an admin could not correct the setting that keeps the connection paused.
 */
async function giveUpWaiting(tx: Db, connectionId: string, at: string): Promise<void> {
  const open = await openPullRun(tx, connectionId);
  if (!open || open.phase === 'apply') return;
  await savePullRun(tx, {
    ...open,
    state: 'FAILED',
    error: 'Its settings changed meanwhile.',
    finishedAt: at,
  });
}

/**
 * Checks the connection and pins it. Without `apply` it previews the first full sync; with `apply` it runs it. Throws
 * a 400 where a right is missing, 409 where the connection is no longer STAGED or the source does not answer.
 */
export async function activatePulled(
  deps: PropagationDeps,
  record: PulledRecord,
  apply: boolean,
  cause: Cause,
): Promise<PullRun> {
  if (record.status !== 'STAGED')
    throw new RequestError(409, `The connection ${record.name} is ACTIVE already.`);
  const check = await deps.inquiries.check(record);
  const good = refuseFailedCheck(record, check);
  const run = await transact(deps.db, async (tx) => {
    const current = await lockPulled(tx, record.id);
    if (!current) throw new RequestError(404, `There is no connection ${record.id} here.`);
    if (current.updatedAt !== record.updatedAt || current.status !== 'STAGED')
      throw new RequestError(409, `The connection ${record.name} was changed meanwhile; try again.`);
    const now = deps.clock.now();
    const after: PulledRecord = { ...pinned(current, good), status: apply ? 'ACTIVE' : 'STAGED' };
    await updatePulled(tx, after);
    const mode = apply ? 'full' : 'preview';
    const made = await insertRun(tx, deps, after, { mode }, cause);
    if (apply)
      await appendEvent(tx, isoTime(now), {
        ...{ environmentId: record.environmentId, cause, kind: 'connection.activated', outcome: 'success' },
        after: { id: record.id, name: record.name, runId: made.id },
      });
    return made;
  });
  deps.wake.signal();
  return run;
}

type Good = Extract<Check, { readonly outcome: 'ok' }>;

function refuseFailedCheck(record: PulledRecord, check: Check): Good {
  if (check.outcome === 'unreachable')
    throw new RequestError(409, `The directory of ${record.name} could not be reached: ${check.message}`);
  if (check.outcome === 'refused') {
    const errors = missingAmong(check.details).map(({ message }) => ({
      pointer: '/configuration',
      detail: message,
    }));
    throw new RequestError(400, `The check of ${record.name} failed.`, errors);
  }
  const other = tenantMistake(record, check.status);
  if (other) throw new RequestError(409, other, [{ pointer: '/configuration', detail: other }]);
  return check;
}

type Wanted = Pick<NewRun, 'mode'> & Partial<Pick<NewRun, 'takesFiltered' | 'trial' | 'day'>>;

export async function queueRun(
  deps: PropagationDeps,
  record: PulledRecord,
  wanted: Wanted,
  cause: Cause,
): Promise<PullRun> {
  const run = await transact(deps.db, async (tx) => {
    const current = await lockPulled(tx, record.id);
    if (!current) throw new RequestError(404, `There is no connection ${record.id} here.`);
    return insertRun(tx, deps, current, wanted, cause);
  });
  deps.wake.signal();
  return run;
}

/** The caller has locked the connection. Throws a 409 that names the run under way. */
async function insertRun(
  tx: Db,
  { clock }: Pick<PropagationDeps, 'clock'>,
  { id, environmentId, name }: PulledRecord,
  wanted: Wanted,
  cause: Cause,
): Promise<PullRun> {
  const open = await openPullRun(tx, id);
  if (open)
    throw new RequestError(409, `The run ${open.id} over ${name} is under way: one at a time.`, [
      { pointer: '', detail: `run ${open.id} is ${open.state}` },
    ]);
  const at = isoTime(clock.now());
  const run = await insertPullRun(
    tx,
    { environmentId, connectionId: id, correlationId: cause.correlationId, ...wanted },
    at,
  );
  await appendEvent(tx, at, {
    ...{ environmentId, cause, kind: 'pull.requested', outcome: 'success' },
    after: { connectionId: id, runId: run.id, mode: run.mode },
  });
  return run;
}
