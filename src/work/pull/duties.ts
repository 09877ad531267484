/**
 * What a worker does for a directory that is pulled. It answers inquiries, and checks a paused connection when that
 * is due. Then it goes on with the open run step by step, a run that an admin decided about, and what the schedule
 * asks for.
 */

import type { VendorCall } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import { countLines } from '../../db/pull/changes.ts';
import { getPulled, lockPulled, type PulledRecord, updatePulled } from '../../db/pull/connections.ts';
import { hasPassedDate } from '../../db/pull/records.ts';
import { heldPullRun, insertPullRun, openPullRun, type PullRun } from '../../db/pull/runs.ts';
import { LeaseLost } from '../../db/queue/leases.ts';
import { SYSTEM } from '../../model/cause.ts';
import { RemoteError } from '../../model/errors.ts';
import type { PullDeps } from '../../pull/deps.ts';
import { checkPulled, pausePulled, settlePulledCheck } from '../../pull/lifecycle.ts';
import { runStep, settleDecided } from '../../pull/run.ts';
import { endScan, type OpenScan } from '../../pull/scan.ts';
import { modeDue, nextRunAfter } from '../../pull/schedule.ts';
import { isoTime } from '../../support/clock.ts';
import { newId } from '../../support/ids.ts';
import { Answerer, type AnswererDeps } from '../inquiries.ts';
import type { Duties, Next, Shift } from '../peerRunner.ts';

export interface PullDutiesDeps extends PullDeps, Pick<AnswererDeps, 'askVendor' | 'answered'> {
  onCall(strategy: string, op: string, call: VendorCall): void;
}

/** The wait after a step that failed for a reason that is not the source's. */
const FAILURE_GAP_MS = 5_000;

export class PullDuties implements Duties {
  readonly connectionId: string;
  readonly #deps: PullDutiesDeps;
  readonly #answerer: Answerer;
  #scan: OpenScan | null = null;

  constructor(connectionId: string, deps: PullDutiesDeps) {
    this.connectionId = connectionId;
    this.#deps = deps;
    this.#answerer = new Answerer(connectionId, deps);
  }

  /** A call of another worker only reads. */
  async takeOver(_tx: Db): Promise<void> {}

  /** A turn ends everything it began, except for a scan that the next turn would go on with. */
  over(): Promise<void> {
    return this.#giveUp();
  }

  async #giveUp(): Promise<void> {
    const scan = this.#scan;
    this.#scan = null;
    if (scan) await endScan(this.#deps, scan);
  }

  async turn(shift: Shift): Promise<Next> {
    const { db } = this.#deps;
    if (shift.isAsked()) await this.#answerer.answerAll(shift.calls);
    const record = await getPulled(db, this.connectionId);
    if (!record) return { kind: 'end' };
    const run = await openPullRun(db, record.id);
    // An admin looks at a preview before they let the connection go on.
    if (record.paused && run?.mode !== 'preview') return this.#recheck(record, shift);
    if (run) return this.#step(record, run, shift, () => this.#runStep(record, run, shift));
    await this.#giveUp();
    const held = await heldPullRun(db, record.id);
    if (held && (await this.#isDecided(held)))
      return this.#step(record, held, shift, () =>
        settleDecided(this.#deps, this.#stepOf(record, held, shift)),
      );
    if (await this.#beginDue(record)) return { kind: 'again' };
    return { kind: 'idle', stay: false };
  }

  async #isDecided({ id }: PullRun): Promise<boolean> {
    const { db } = this.#deps;
    return (await countLines(db, id, ['approved'])) > 0 || (await countLines(db, id, ['held'])) === 0;
  }

  async #runStep(record: PulledRecord, run: PullRun, shift: Shift): Promise<void> {
    const scan = this.#scan;
    this.#scan = null;
    this.#scan = await runStep(this.#deps, this.#stepOf(record, run, shift), scan);
  }

  #stepOf(record: PulledRecord, run: PullRun, { lease, calls }: Shift) {
    const note = (call: VendorCall) => this.#deps.onCall(record.type, 'pull', call);
    return { record, run, lease, context: { signal: calls, record: note } };
  }

  async #step(
    record: PulledRecord,
    run: PullRun,
    { calls }: Shift,
    work: () => Promise<void>,
  ): Promise<Next> {
    try {
      await work();
      return { kind: 'again' };
    } catch (error) {
      if (error instanceof LeaseLost || calls.aborted) throw error;
      const { log } = this.#deps;
      log.warn({ err: error, connectionId: record.id, runId: run.id }, 'a step of a pull failed');
      if (!(error instanceof RemoteError)) return { kind: 'wait', ms: FAILURE_GAP_MS };
      await pausePulled(this.#deps, record.id, error);
      return { kind: 'end' };
    }
  }

  async #recheck(record: PulledRecord, { calls }: Shift): Promise<Next> {
    const { clock } = this.#deps;
    await this.#giveUp();
    if (record.retryAt === null || record.retryAt > isoTime(clock.now())) return { kind: 'end' };
    const check = await checkPulled(this.#deps, record, null, calls);
    const cause = { correlationId: newId(), actor: SYSTEM };
    const after = await settlePulledCheck(this.#deps, record.id, check, cause);
    return after && !after.paused ? { kind: 'again' } : { kind: 'end' };
  }

  /** Begins a run where the schedule asks for one, and answers whether it did. */
  async #beginDue({ id }: PulledRecord): Promise<boolean> {
    const { db, clock, cache } = this.#deps;
    return db.transaction(async (tx) => {
      const record = await lockPulled(tx, id);
      const now = clock.now();
      if (record?.status !== 'ACTIVE' || record.nextRunAt === null) return false;
      if (record.nextRunAt > isoTime(now) || (await openPullRun(tx, id))) return false;
      const hasDelta = cache.sourceFor(record).delta !== undefined;
      const mode = (await hasPassedDate(tx, id, isoTime(now))) ? 'full' : modeDue(record, hasDelta, now);
      const { environmentId } = record;
      const run = { environmentId, connectionId: id, mode, correlationId: newId() };
      await insertPullRun(tx, run, isoTime(now));
      await updatePulled(tx, { ...record, nextRunAt: nextRunAfter(record, now, now, null) });
      return true;
    });
  }
}
