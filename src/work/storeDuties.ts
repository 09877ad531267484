/**
 * What a worker does for a store, in this order: it answers inquiries and checks a paused store when that is due;
 * then it does leavers, a page of a preview and the other tasks in turn, and a step of a sync, and starts again.
 * Tasks run side by side. A page or a step runs alone, because it compares what it read with what the bridge wrote.
 * An inactive or paused store has inquiries and previews only.
 */

import type { VendorCall } from '../connectors/connector.ts';
import type { Db } from '../db/open.ts';
import { type DueOnStore, dueOnStore, type TaskSelection } from '../db/queue/dueTasks.ts';
import { LeaseLost } from '../db/queue/leases.ts';
import { enqueueDueRechecks, recheckCalls } from '../db/queue/rechecks.ts';
import { hasOpenTasks } from '../db/queue/tasks.ts';
import { openRuns } from '../db/runs/syncRuns.ts';
import { getStore, type StoreRecord } from '../db/stores/stores.ts';
import { RemoteError } from '../model/errors.ts';
import type { StoreContext } from '../stores/desired.ts';
import { isoTime } from '../support/clock.ts';
import { previewStep, settlePreviewFailure } from '../sync/preview/preview.ts';
import { closeSettledRuns, settleSyncFailure, syncStep } from '../sync/syncRuns.ts';
import { reactionToRun, type StoreReaction } from './failure.ts';
import { Answerer, type AnswererDeps } from './inquiries.ts';
import type { Duties, Next, Shift } from './peerRunner.ts';
import { StoreHealth, type StoreHealthDeps } from './storeHealth.ts';
import { isLeaver, StoreTasks, type StoreTasksDeps } from './storeTasks.ts';
import { Trouble } from './trouble.ts';

/** What use cases do with a store when the worker asks for it. */
export type StoreLifecycle = {
  /** The store is paused, and its `retryAt` has come. */
  recheck(store: StoreRecord, signal: AbortSignal): Promise<void>;
  /** The store is `DELETING`, and no work is left. */
  finishDeletion(store: StoreRecord): Promise<void>;
} & StoreTasksDeps['storeLifecycle'] &
  StoreHealthDeps['storeLifecycle'];

export interface StoreDutiesDeps extends AnswererDeps {
  readonly storeLifecycle: StoreLifecycle;
}

const RECHECKS_EVERY_MS = 1_000;
const NO_RUNS = { next: null, isSettling: false };

export class StoreDuties implements Duties {
  readonly storeId: string;
  readonly #deps: StoreDutiesDeps;
  readonly #answerer: Answerer;
  readonly #health: StoreHealth;
  readonly #tasks: StoreTasks;
  #recheckNextAt = 0;
  /** Whether a preview is open, as far as this worker knows. */
  #isPreviewing = false;
  #hasJustPreviewed = false;
  /** How syncs and previews fare. Tasks, and with them leavers, find out for themselves how the store is. */
  readonly #runs = new Trouble();
  /**
   * Until when syncs and previews wait because the vendor limits their calls, or answers none. Tasks go on meanwhile,
   * each with a time of its own.
   */
  #syncNotBefore = 0;
  #previewNotBefore = 0;

  constructor(storeId: string, deps: StoreDutiesDeps) {
    this.storeId = storeId;
    this.#deps = deps;
    this.#answerer = new Answerer(storeId, deps);
    this.#health = new StoreHealth(storeId, deps);
    this.#tasks = new StoreTasks(deps, this.#health, (shift, wanted) => this.#lookAtStore(shift, wanted));
  }

  takeOver(tx: Db, callsEndAt: string): Promise<void> {
    return recheckCalls(tx, this.storeId, callsEndAt);
  }

  over(): Promise<void> {
    return this.#tasks.underWay.over();
  }

  async turn(shift: Shift): Promise<Next> {
    const { storeLifecycle } = this.#deps;
    const { underWay } = this.#tasks;
    underWay.throwIfFailed();
    // Taken before the look at the queue: an attempt that ends meanwhile makes room that the look did not see.
    const freed = underWay.freed();
    await this.#answerRequests(shift);
    const wanted = this.#tasks.wanted();
    const found = await this.#lookAtStore(shift, wanted);
    const waitMs = this.#health.waitMs;
    if (waitMs > 0 && (found || this.#isPreviewing))
      return { kind: 'wait', ms: waitMs, freed: underWay.count > 0 ? freed : undefined };
    if (!found) {
      if (underWay.count > 0) return { kind: 'busy', freed };
      return (await this.#makePreview(shift)) ? { kind: 'again' } : this.#untilLimitEnds({ kind: 'end' });
    }
    const context = await storeLifecycle.storeContextOf(found.store);
    // These are due now, and may be more urgent than what was found.
    if (await this.#enqueueRechecks()) return { kind: 'again' };
    const wasBusy = underWay.count > 0;
    const due = found.tasks;
    const isPreviewsTurn = this.#mayPreview() && !this.#hasJustPreviewed && !due.some(isLeaver);
    if (isPreviewsTurn && underWay.count > 0) return { kind: 'busy', freed };
    this.#hasJustPreviewed = isPreviewsTurn && (await this.#makePreview(shift));
    if (this.#hasJustPreviewed) return { kind: 'again' };
    const begun = await this.#tasks.begin(context, shift, { wanted, due });
    if (begun === 'full' && underWay.count > 0) return { kind: 'busy', freed };
    if (begun !== 'nothing') return { kind: 'again' };
    if (underWay.count > 0) return { kind: 'busy', freed };
    // Attempts that were under way may have kept other tasks from being due.
    return wasBusy ? { kind: 'again' } : this.#withoutTasks(context, shift, found);
  }

  /** Nothing is due, and nothing is under way. */
  async #withoutTasks(
    context: StoreContext,
    shift: Shift,
    { hasRuns }: Pick<DueOnStore, 'hasRuns'>,
  ): Promise<Next> {
    const { db, clock, storeLifecycle } = this.#deps;
    const { store } = context;
    this.#tasks.rest();
    // A run may come from settings that were saved after this turn began, and must count losses by those.
    const { next: run, isSettling } = hasRuns ? await openRuns(db, store.id) : NO_RUNS;
    const maySync = run !== null && this.#syncNotBefore <= clock.now();
    if (maySync && (await this.#syncStep(await this.#contextNow(context), shift))) return { kind: 'again' };
    // No other work was due between two pages.
    if (await this.#makePreview(shift)) return { kind: 'again' };
    if (isSettling) await closeSettledRuns({ db, clock }, context, shift.lease);
    if (store.status !== 'DELETING' || run !== null || (await hasOpenTasks(db, store.id))) {
      return this.#untilLimitEnds({
        kind: 'idle',
        stay: this.#health.trouble.streak + this.#runs.streak > 0,
      });
    }
    await storeLifecycle.finishDeletion(store);
    return { kind: 'end' };
  }

  /** What comes next where nothing is due, except perhaps a sync or preview that the vendor has put off. */
  #untilLimitEnds(otherwise: Next): Next {
    const now = this.#deps.clock.now();
    const ends = [this.#syncNotBefore, this.#previewNotBefore].filter((at) => at > now);
    return ends.length === 0 ? otherwise : { kind: 'idle', stay: true, ms: Math.min(...ends) - now };
  }

  async #answerRequests(shift: Shift): Promise<void> {
    if (!shift.isAsked()) return;
    this.#isPreviewing = true;
    await this.#answerer.answerAll(shift.calls);
  }

  /** The context as it is now. */
  async #contextNow(context: StoreContext): Promise<StoreContext> {
    const store = await getStore(this.#deps.db, this.storeId);
    return store ? this.#deps.storeLifecycle.storeContextOf(store) : context;
  }

  /** Answers whether any were due. */
  async #enqueueRechecks(): Promise<boolean> {
    const { db, clock } = this.#deps;
    const { underWay, isAlone } = this.#tasks;
    if (clock.now() < this.#recheckNextAt || (isAlone && underWay.count > 0)) return false;
    this.#recheckNextAt = clock.now() + RECHECKS_EVERY_MS;
    return enqueueDueRechecks(db, this.storeId, isoTime(clock.now()), (subject) => underWay.has(subject));
  }

  /** Null where the store is inactive, paused or gone. */
  async #lookAtStore({ calls }: Shift, wanted: TaskSelection): Promise<DueOnStore | null> {
    const { db, clock, storeLifecycle } = this.#deps;
    const look = () => dueOnStore(db, this.storeId, isoTime(clock.now()), wanted);
    const found = await look();
    if (!found?.store.paused) return found?.store.status === 'INACTIVE' ? null : found;
    const { retryAt } = found.store;
    if (retryAt === null || retryAt > isoTime(clock.now())) return null;
    await storeLifecycle.recheck(found.store, calls);
    const again = await look();
    return again && !again.store.paused && again.store.status !== 'INACTIVE' ? again : null;
  }

  /** Lets inquiries and leavers pass that came after long work had begun. True where there were leavers. */
  async #giveWay(shift: Shift): Promise<boolean> {
    await this.#answerRequests(shift);
    return this.#tasks.leaversFirst(shift);
  }

  #mayPreview(): boolean {
    return this.#isPreviewing && this.#previewNotBefore <= this.#deps.clock.now();
  }

  /** Makes one page of a preview, whatever the state of the store. False where no preview is open. */
  async #makePreview(shift: Shift): Promise<boolean> {
    const { db, clock, storeLifecycle, log, answered } = this.#deps;
    const { lease, calls } = shift;
    const store = this.#mayPreview() ? await getStore(db, this.storeId) : null;
    if (!store) return false;
    const context = await storeLifecycle.storeContextOf(store);
    const began = clock.now();
    let asked = false;
    const record = (call: VendorCall) => {
      asked = true;
      storeLifecycle.onCall(store.type, 'scan', call);
    };
    try {
      const giveWay = () => this.#giveWay(shift);
      const proveRights = () => this.#health.credential.prove(store, calls);
      const deps = { db, clock, giveWay, proveRights };
      const made = await previewStep(deps, context, lease, { signal: calls, record });
      if (asked) await this.#health.succeeded(store);
      if (asked) this.#runs.succeeded();
      if (made === 'over') answered.signal();
      this.#isPreviewing = made !== 'none';
    } catch (error) {
      if (error instanceof LeaseLost || calls.aborted) throw error;
      log.warn({ err: error, storeId: store.id }, 'a page of a preview failed');
      if (await settlePreviewFailure({ db, clock }, context, error)) answered.signal();
      const reaction: StoreReaction | null = error instanceof RemoteError ? reactionToRun(error) : null;
      const waitMs = reaction ? await this.#waitOfRuns(store, reaction, began) : 0;
      if (waitMs > 0) this.#previewNotBefore = clock.now() + waitMs;
      return waitMs === 0 && this.#isPreviewing;
    }
    return this.#isPreviewing;
  }

  async #syncStep(context: StoreContext, shift: Shift): Promise<boolean> {
    const { lease, calls } = shift;
    const { db, clock, storeLifecycle, log } = this.#deps;
    const { store } = context;
    const began = clock.now();
    try {
      const record = (call: VendorCall) => storeLifecycle.onCall(store.type, 'scan', call);
      const giveWay = () => this.#giveWay(shift);
      const proveRights = () => this.#health.credential.prove(store, calls);
      const deps = { db, clock, giveWay, proveRights };
      const isOpen = await syncStep(deps, context, lease, { signal: calls, record });
      this.#runs.succeeded();
      return isOpen;
    } catch (error) {
      if (!(error instanceof RemoteError) || calls.aborted) throw error;
      log.warn({ err: error, storeId: store.id }, 'a step of a sync failed');
      await settleSyncFailure({ db, clock }, context, error);
      const waitMs = await this.#waitOfRuns(store, reactionToRun(error), began);
      if (waitMs > 0) this.#syncNotBefore = clock.now() + waitMs;
      return waitMs === 0;
    }
  }

  /** Milliseconds. */
  async #waitOfRuns(store: StoreRecord, reaction: StoreReaction, began: number): Promise<number> {
    const now = this.#deps.clock.now();
    switch (reaction.kind) {
      case 'limited':
        return reaction.ms;
      case 'trouble':
        this.#runs.failed(null, now, { unrecognised: reaction.error.unrecognised, began });
        return this.#runs.waitMs(now);
      default:
        await this.#health.react(store, reaction, { subjectId: null, began });
        return 0;
    }
  }
}
