/**
 * One run over a pulled directory, step by step: scan into staging, compare, and apply unless the brake holds it.
 * After a crash an unfinished scan starts again, and lines continue where they were.
 */

import type { CallContext } from '../connectors/connector.ts';
import { appendEvent } from '../db/events.ts';
import type { Db } from '../db/open.ts';
import { countLines, linesOf } from '../db/pull/changes.ts';
import { lockPulled, type PulledRecord, updatePulled } from '../db/pull/connections.ts';
import { nextActiveUntil } from '../db/pull/records.ts';
import { heldPullRun, owesFiltered, type PullRun, savePullRun, settleFiltered } from '../db/pull/runs.ts';
import { markDecided, withdrawCause } from '../db/queue/causes.ts';
import { type Lease, recordUnder } from '../db/queue/leases.ts';
import { RemoteError } from '../model/errors.ts';
import { onlyEnriches, type PullState } from '../model/pull/pull.ts';
import { PositionLost, type Source, type SourceDefinition } from '../sources/source.ts';
import { isoTime } from '../support/clock.ts';
import { applyNext, keepWhatWasSeen } from './apply.ts';
import { compareRun } from './compare.ts';
import { mappingOf } from './comparison/keys.ts';
import type { PullDeps } from './deps.ts';
import { accountsMissing, enrich } from './enrichment/enrich.ts';
import { type Feed, feedOf, pagesOfFeed } from './enrichment/feed.ts';
import { announceLines, causeOf, closeIncident, endHeldRun, holdRun, overtakeHeldRun } from './incident.ts';
import { sayFailure, sayPartial } from './lifecycle.ts';
import { demandPinned } from './pinned.ts';
import { ScanRefused } from './refused.ts';
import { dropStaged, endScan, nextPages, type OpenScan, takePage } from './scan.ts';
import { dueAfterFull, nextRunAfter } from './schedule.ts';

export interface Step {
  readonly record: PulledRecord;
  readonly run: PullRun;
  readonly lease: Lease;
  readonly context: CallContext;
}

/** Takes the run one step further. Answers the scan that is still open; null where none is. */
export async function runStep(deps: PullDeps, step: Step, scan: OpenScan | null): Promise<OpenScan | null> {
  const own = step.run.phase === 'scan' && scan?.runId === step.run.id ? scan : null;
  if (scan && !own) await endScan(deps, scan);
  try {
    switch (step.run.phase) {
      case 'scan':
        return await scanStep(deps, step, own);
      case 'compare':
        await compareStep(deps, step);
        return null;
      case 'apply':
        await applyStep(deps, step);
        return null;
    }
  } catch (error) {
    step.context.signal.throwIfAborted();
    if (error instanceof PositionLost) {
      await startAnew(deps, step);
      return null;
    }
    if (!(error instanceof RemoteError) && !(error instanceof ScanRefused)) throw error;
    await fail(deps, step, error.message);
    if (error instanceof RemoteError && error.disposition === 'unauthorized') throw error;
    return null;
  }
}

function sourceOf({ cache }: PullDeps, { record, run }: Pick<Step, 'record' | 'run'>): Source {
  return run.trial ? cache.sourceOnTrial(record, run.trial) : cache.sourceFor(record);
}

const settingsOf = ({ record, run }: Pick<Step, 'record' | 'run'>) => run.trial?.settings ?? record.settings;

const enriches = (step: Pick<Step, 'record' | 'run'>) => onlyEnriches(step.record.type, settingsOf(step));

async function scanStep(deps: PullDeps, step: Step, open: OpenScan | null): Promise<OpenScan | null> {
  const { run, lease } = step;
  const at = isoTime(deps.clock.now());
  const scan = open ?? (await beginScan(deps, step));
  let goesOn = false;
  try {
    const pages = await nextPages(scan);
    const last = pages.at(-1);
    // A source that ends without its `end` page was cut off.
    if (!last) throw new ScanRefused('The source broke off before its last page: nothing was changed.');
    await recordUnder(deps.db, lease, async (tx) => {
      let after = open ? run : { ...run, ...BEGUN, mode: scan.mode, startedAt: run.startedAt ?? at };
      for (const page of pages) after = await takePage(tx, after, page, scan.seen, at);
      await savePullRun(tx, after.findings.ended ? { ...after, phase: 'compare' } : after);
    });
    goesOn = last.kind !== 'end';
    return goesOn ? scan : null;
  } finally {
    if (!goesOn) await endScan(deps, scan);
  }
}

const BEGUN = {
  state: 'RUNNING' as const,
  progress: { read: 0 },
  findings: { ended: false, unread: [], skipped: [] },
};

async function beginScan(deps: PullDeps, step: Step): Promise<OpenScan> {
  const { record, run, lease, context } = step;
  await dropStaged(deps, lease, { connectionId: record.id, own: run.id });
  const { store, problem } = await feedOfStep(deps, step);
  if (problem !== null) throw new ScanRefused(problem);
  if (store) {
    const pages = pagesOfFeed(deps.db, store, deps.cache.definitionOf(record.type));
    return { runId: run.id, mode: run.mode === 'preview' ? 'preview' : 'full', pages, seen: new Set() };
  }
  const source = sourceOf(deps, step);
  await demandPinned(record, source, context);
  const { mode, selected } = settingsOf(step).groups;
  // A connection that only adds to people compares everybody and no groups.
  const groups = enriches(step)
    ? { mode: 'Off' as const }
    : mode === 'Selected'
      ? { mode, ids: selected.map(({ id }) => id) }
      : { mode };
  const { position } = record;
  const request = { groups, position, ...(run.day === null ? {} : { day: run.day }) };
  const mayBeDelta = !enriches(step) && run.mode === 'delta' && !(await needsFull(deps.db, run));
  const isDelta = mayBeDelta && source.delta !== undefined && position !== null;
  const pages =
    isDelta && source.delta ? source.delta(position, request, context) : source.scan(request, context);
  const asked = run.mode === 'delta' && !isDelta ? 'full' : run.mode;
  return { runId: run.id, mode: asked, pages: pages[Symbol.asyncIterator](), seen: new Set() };
}

/** A delta does not show people again who are gone or left out and await a decision. */
async function needsFull(db: Db, { connectionId }: PullRun): Promise<boolean> {
  const held = await heldPullRun(db, connectionId);
  return held?.mode === 'full' || owesFiltered(db, connectionId);
}

/** The delta's position is no longer valid: the same run reads everything instead. */
async function startAnew(deps: PullDeps, { run, lease }: Step): Promise<void> {
  const anew: PullRun = { ...run, ...BEGUN, mode: 'full', phase: 'scan', position: null };
  await recordUnder(deps.db, lease, (tx) => savePullRun(tx, anew));
}

function feedOfStep({ db, cache }: PullDeps, { record, run }: Step): Promise<Feed> {
  const { configuration } = run.trial ?? record;
  return feedOf(db, record, configuration, cache.definitionOf(record.type));
}

/** A run over accounts that add to people: the bridge keeps what they say at once, and applies nothing. */
async function enrichStep(deps: PullDeps, step: Step, definition: SourceDefinition): Promise<void> {
  const { record, run, lease, context } = step;
  const { store } = await feedOfStep(deps, step);
  const source = store ? null : sourceOf(deps, step);
  const settings = settingsOf(step);
  const input = { record, run, settings, definition, source, context, lease };
  const absent = await accountsMissing(deps.db, input);
  if (source) await demandPinned(record, source, context);
  const summary = await enrich(deps, input, absent);
  await recordUnder(deps.db, lease, (tx) => finish(tx, deps, { ...step, run: { ...run, summary } }));
  await dropStaged(deps, lease, { connectionId: record.id });
  deps.wake.signal();
}

async function compareStep(deps: PullDeps, step: Step): Promise<void> {
  const { record, run, lease, context } = step;
  const definition = deps.cache.definitionOf(record.type);
  if (enriches(step)) return enrichStep(deps, step, definition);
  const source = sourceOf(deps, step);
  const takesFiltered = run.takesFiltered || (await owesFiltered(deps.db, record.id));
  const comparison = await compareRun(deps, {
    ...{ record, definition, source, context, lease },
    run: { ...run, takesFiltered },
    settings: settingsOf(step),
  });
  // If the account was swapped meanwhile, another account gave the answers that the bridge just read.
  await demandPinned(record, source, context);
  const { summary, held, error, unread, isPartial, isCertain } = comparison;
  const at = isoTime(deps.clock.now());
  const compared = { ...run, summary, error, findings: { ...run.findings, unread } };
  await recordUnder(deps.db, lease, async (tx) => {
    if (run.mode === 'preview') {
      await savePullRun(tx, { ...compared, state: 'DONE', error: held ?? error, finishedAt: at });
      return;
    }
    await announceLines(tx, run, comparison, { description: `pull of ${record.name}`, at });
    if (held !== null) {
      const waiting = await holdRun(tx, record, compared, held, at);
      await savePullRun(tx, { ...waiting, finishedAt: at });
      await noteRun(tx, record, waiting, at, deps);
      return;
    }
    await (isPartial ? overtakeHeldRun(tx, record) : endHeldRun(tx, record, run, at));
    if (isCertain) await settleFiltered(tx, record.id);
    const position = isPartial ? record.position : run.position;
    await savePullRun(tx, { ...compared, phase: 'apply', position });
  });
  await dropStaged(deps, lease, { connectionId: record.id });
}

/** Carries out some lines; the run ends with the last one. */
async function applyStep(deps: PullDeps, step: Step): Promise<void> {
  if (await applySome(deps, step, 'planned')) return;
  const { lease, run } = step;
  await keepWhatWasSeen(deps.db, lease, run);
  await recordUnder(deps.db, lease, (tx) => finish(tx, deps, step));
  await dropStaged(deps, lease, { connectionId: run.connectionId });
}

function applySome(deps: PullDeps, step: Step, state: 'planned' | 'approved'): Promise<boolean> {
  const { record, run, lease } = step;
  const mapping = mappingOf(settingsOf(step), deps.cache.definitionOf(record.type));
  return applyNext(deps, { record, run, lease, mapping, state });
}

/** Once an admin has decided all that a run held: applies the rest if they approved a line, otherwise nothing. */
export async function settleDecided(deps: PullDeps, step: Step): Promise<void> {
  const { record, run, lease } = step;
  const { db } = deps;
  if ((await countLines(db, run.id, ['approved'])) > 0) {
    await recordUnder(db, lease, (tx) => markDecided(tx, run.correlationId, isoTime(deps.clock.now())));
    await applySome(deps, step, 'approved');
    return;
  }
  if ((await countLines(db, run.id, ['held'])) > 0) return;
  const anyDone = (await countLines(db, run.id, ['done'])) > 0;
  if (!anyDone) await keepWhatWasSeen(db, lease, run);
  const at = isoTime(deps.clock.now());
  await recordUnder(db, lease, async (tx) => {
    await closeIncident(tx, record, run, at, 'everything of it is decided');
    await settleFiltered(tx, record.id);
    if (anyDone)
      await savePullRun(tx, { ...run, state: 'RUNNING', phase: 'apply', error: null, finishedAt: null });
    else await finish(tx, deps, step);
  });
  await dropStaged(deps, lease, { connectionId: record.id });
}

async function finish(tx: Db, deps: PullDeps, { record, run }: Step): Promise<void> {
  const at = isoTime(deps.clock.now());
  const refused = await countLines(tx, run.id, ['refused']);
  const skipped = run.summary.skipped + refused;
  const [first] = await linesOf(tx, run.id, ['refused'], 0, 1);
  const state: PullState = run.summary.unknown > 0 || run.findings.unread.length > 0 ? 'PARTIAL' : 'DONE';
  const error = run.error ?? (first ? `${first.display}: ${first.reason ?? 'refused'}` : null);
  const ended: PullRun = { ...run, state, error, finishedAt: at, summary: { ...run.summary, skipped } };
  await withdrawCause(tx, run.correlationId);
  await savePullRun(tx, ended);
  if (run.mode !== 'preview') await noteRun(tx, record, ended, at, deps);
}

async function fail(deps: PullDeps, { record, run, lease }: Step, error: string): Promise<void> {
  const at = isoTime(deps.clock.now());
  deps.log.warn({ connectionId: record.id, runId: run.id, reason: error }, 'a pull of a directory failed');
  await recordUnder(deps.db, lease, async (tx) => {
    const failed: PullRun = {
      ...run,
      state: 'FAILED',
      error,
      startedAt: run.startedAt ?? at,
      finishedAt: at,
    };
    await savePullRun(tx, failed);
    if (run.mode !== 'preview') await noteRun(tx, record, failed, at, deps);
  });
  await dropStaged(deps, lease, { connectionId: record.id });
}

/** Records the state of the connection after a run, and when the next run is due. */
async function noteRun(
  tx: Db,
  record: PulledRecord,
  run: PullRun,
  at: string,
  { clock }: Pick<PullDeps, 'clock'>,
): Promise<void> {
  const current = await lockPulled(tx, record.id);
  if (!current) return;
  const { state, error, id: runId, mode } = run;
  const isGood = state === 'DONE' || state === 'PARTIAL';
  const isFull = isGood && mode === 'full';
  const until = await nextActiveUntil(tx, record.id, run.createdAt);
  await updatePulled(tx, {
    ...current,
    position: (isGood ? run.position : null) ?? current.position,
    lastSync: { at, status: state, error, runId },
    lastSuccessAt: isGood ? at : current.lastSuccessAt,
    lastFullAt: isFull && state === 'DONE' ? at : current.lastFullAt,
    fullDueSince: isFull ? dueAfterFull(current, run.startedAt) : current.fullDueSince,
    nextRunAt: nextRunAfter(current, Date.parse(run.startedAt ?? at), clock.now(), until),
  });
  if (state === 'FAILED') await sayFailure(tx, at, current, causeOf(record, run), error ?? 'the run failed');
  if (state === 'PARTIAL') await sayPartial(tx, at, current, causeOf(record, run), error);
  const kind = isGood ? 'pull.done' : state === 'HELD' ? 'pull.held' : 'pull.failed';
  await appendEvent(tx, at, {
    environmentId: record.environmentId,
    ...{ cause: causeOf(record, run), kind },
    outcome: isGood ? 'success' : state === 'HELD' ? 'held' : 'failure',
    ...(error === null ? {} : { reason: error }),
    after: { runId, mode, state, summary: run.summary },
  });
}
