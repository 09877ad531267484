/**
 * What a worker does for a store, one thing after the other: it answers inquiries and checks a paused store when
 * that is due; then come leavers, a page of a preview and the other tasks in turn, a step of a sync, and all from the
 * top again. An inactive or paused store has inquiries and previews alone.
 */

import type { VendorCall } from '../connectors/connector.ts';
import type { Db } from '../db/open.ts';
import { LeaseLost } from '../db/queue/leases.ts';
import { type DueTask, endBackoff, nextDueLeaver, nextDueTask } from '../db/queue/queue.ts';
import { enqueueDueRechecks, recheckCalls } from '../db/queue/rechecks.ts';
import { hasOpenTasks, PRIORITY } from '../db/queue/tasks.ts';
import { nextOpenRun } from '../db/runs/syncRuns.ts';
import { saveUnrecognised } from '../db/stores/storeProgress.ts';
import { getStore, type StoreRecord } from '../db/stores/stores.ts';
import { RemoteError } from '../model/errors.ts';
import { Attempt, ContextOutdated } from '../settle/attempt.ts';
import { settleGroup } from '../settle/groups/settleGroup.ts';
import { settleUser } from '../settle/people/settleUser.ts';
import { withSeatsTold } from '../settle/seats.ts';
import type { StoreContext } from '../stores/desired.ts';
import { isoTime } from '../support/clock.ts';
import { previewStep, settlePreviewFailure } from '../sync/preview/preview.ts';
import { closeSettledRuns, settleSyncFailure, syncStep } from '../sync/syncRuns.ts';
import { CredentialDoubt, type StoreCheck, withoutDoubt } from './credentialDoubt.ts';
import { reactionTo, reactionToRun, type StoreReaction, settleFailure } from './failure.ts';
import { Answerer, type AnswererDeps } from './inquiries.ts';
import { CALL_MAX_MS, type Duties, type Next, type Shift } from './peerRunner.ts';
import { Trouble } from './trouble.ts';

/** What others do with a store, and when the worker asks for it. */
export interface StoreLifecycle {
  storeContextOf(store: StoreRecord): Promise<StoreContext>;
  /** The vendor refuses the credential. Tasks stay; the store is checked again with growing gaps. */
  pauseForCredential(store: StoreRecord, error: RemoteError): Promise<void>;
  /** Is the credential good? Never throws a RemoteError. */
  readonly check: StoreCheck;
  /** The store is paused, and its `retryAt` has come. */
  recheck(store: StoreRecord, signal: AbortSignal): Promise<void>;
  /** The store is `DELETING`, and no work is left. */
  finishDeletion(store: StoreRecord): Promise<void>;
  onCall(storeType: string, op: string, call: VendorCall): void;
}

export interface StoreDutiesDeps extends AnswererDeps {
  readonly storeLifecycle: StoreLifecycle;
}

const RECHECKS_EVERY_MS = 1_000;

export class StoreDuties implements Duties {
  readonly storeId: string;
  readonly #deps: StoreDutiesDeps;
  readonly #answerer: Answerer;
  readonly #trouble = new Trouble();
  readonly #doubt: CredentialDoubt;
  #recheckNextAt = 0;
  /** A preview is open, as far as this worker knows. */
  #isPreviewing = false;
  #hasJustPreviewed = false;
  /** The vendor limits what these ask for; tasks go on meanwhile, each with a time of its own. */
  #syncNotBefore = 0;
  #previewNotBefore = 0;

  constructor(storeId: string, deps: StoreDutiesDeps) {
    this.storeId = storeId;
    this.#deps = deps;
    this.#answerer = new Answerer(storeId, deps);
    this.#doubt = new CredentialDoubt(deps.clock, deps.storeLifecycle.check);
  }

  takeOver(tx: Db, callsEndAt: string): Promise<void> {
    return recheckCalls(tx, this.storeId, callsEndAt);
  }

  async turn(shift: Shift): Promise<Next> {
    const { db, clock, storeLifecycle } = this.#deps;
    await this.#answerRequests(shift);
    const store = await this.#usableStore(shift);
    const waitMs = this.#trouble.waitMs(clock.now());
    if (waitMs > 0 && (store || this.#isPreviewing)) return { kind: 'wait', ms: waitMs };
    if (!store)
      return (await this.#makePreview(shift)) ? { kind: 'again' } : this.#untilLimitEnds({ kind: 'end' });
    const context = await storeLifecycle.storeContextOf(store);
    await this.#enqueueRechecks();
    const task = await nextDueTask(db, store.id, isoTime(clock.now()));
    const isLeaver = task?.priority === PRIORITY.leaver;
    this.#hasJustPreviewed = !isLeaver && !this.#hasJustPreviewed && (await this.#makePreview(shift));
    if (this.#hasJustPreviewed) return { kind: 'again' };
    if (task) {
      // Other settings were saved before the task was claimed: they are the ones to plan it with.
      if (task.contextVersion !== store.contextVersion) return { kind: 'again' };
      await this.#settle(context, shift, task, () => this.#giveWay(shift));
      return { kind: 'again' };
    }
    // A run may follow from settings that were saved after this turn had begun, and must count losses by those.
    const run = await nextOpenRun(db, store.id);
    const maySync = run !== null && this.#syncNotBefore <= clock.now();
    if (maySync && (await this.#syncStep(await this.#contextNow(context), shift))) return { kind: 'again' };
    // Nothing else was due between two pages.
    if (await this.#makePreview(shift)) return { kind: 'again' };
    await closeSettledRuns({ db, clock }, context, shift.lease);
    if (store.status !== 'DELETING' || run !== null || (await hasOpenTasks(db, store.id))) {
      return this.#untilLimitEnds({ kind: 'idle', stay: this.#trouble.streak > 0 });
    }
    await storeLifecycle.finishDeletion(store);
    return { kind: 'end' };
  }

  /** What comes next where nothing is due but perhaps a sync or a preview that the vendor has put off. */
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

  /** The context as of now. */
  async #contextNow(context: StoreContext): Promise<StoreContext> {
    const store = await getStore(this.#deps.db, this.storeId);
    return store ? this.#deps.storeLifecycle.storeContextOf(store) : context;
  }

  async #enqueueRechecks(): Promise<void> {
    const { db, clock } = this.#deps;
    if (clock.now() < this.#recheckNextAt) return;
    this.#recheckNextAt = clock.now() + RECHECKS_EVERY_MS;
    await enqueueDueRechecks(db, this.storeId, isoTime(clock.now()));
  }

  /** Null where the store is inactive, paused or gone. */
  async #usableStore({ calls }: Shift): Promise<StoreRecord | null> {
    const { db, clock, storeLifecycle } = this.#deps;
    const store = await getStore(db, this.storeId);
    if (!store) return null;
    if (store.paused) {
      if (store.retryAt === null || store.retryAt > isoTime(clock.now())) return null;
      await storeLifecycle.recheck(store, calls);
      const again = await getStore(db, this.storeId);
      return again && !again.paused && again.status !== 'INACTIVE' ? again : null;
    }
    return store.status === 'INACTIVE' ? null : store;
  }

  /** Long work lets inquiries and leavers pass that came after it had begun. True where there were leavers. */
  async #giveWay(shift: Shift): Promise<boolean> {
    const { db, clock, storeLifecycle } = this.#deps;
    await this.#answerRequests(shift);
    for (let passed = 0; ; passed++) {
      const task = await nextDueLeaver(db, this.storeId, isoTime(clock.now()));
      if (!task || shift.stopping.aborted || this.#trouble.waitMs(clock.now()) > 0) return passed > 0;
      const store = await this.#usableStore(shift);
      if (!store) return passed > 0;
      const context = await storeLifecycle.storeContextOf(store);
      await this.#settle(context, shift, task, () => Promise.resolve(false));
    }
  }

  async #settle(
    context: StoreContext,
    { lease, calls }: Shift,
    task: DueTask,
    giveWay: () => Promise<boolean>,
  ): Promise<void> {
    const { db, clock, storeLifecycle, log } = this.#deps;
    const { store } = context;
    log.debug(
      { storeId: store.id, subject: task.subject, correlationIds: task.causes },
      'an attempt at a task begins',
    );
    const onCall = (op: string, call: VendorCall) => storeLifecycle.onCall(store.type, op, call);
    const settleDoubt = (error: RemoteError, creates: boolean, member?: string) =>
      this.#doubt.settle(store, task, { error, creates, about: member ?? task.subject.id }, calls);
    const proveRights = () => this.#doubt.prove(store, calls);
    const work = { context, lease, task, signal: calls, onCall, giveWay, settleDoubt, proveRights };
    const attempt = new Attempt({ db, clock, log }, work);
    try {
      if (task.subject.kind === 'user') await settleUser(attempt);
      else await settleGroup(attempt);
      if (attempt.asked && !attempt.wasRefused) await this.#succeeded(store);
      if (attempt.mayStillArrive) await attempt.scheduleRecheck(isoTime(clock.now() + CALL_MAX_MS));
    } catch (thrown) {
      const error = withSeatsTold(attempt, await withoutDoubt(thrown, settleDoubt));
      // The task is still due, and planned with the settings of now when it is claimed again.
      if (error instanceof ContextOutdated) return;
      const lost = error instanceof LeaseLost;
      if (lost || calls.aborted || mayStillArrive(error))
        await attempt.scheduleRecheck(isoTime(clock.now() + CALL_MAX_MS));
      if (lost) throw error;
      if (calls.aborted) return;
      const reaction = reactionTo(error);
      const about = { err: error, storeId: store.id, subject: task.subject, correlationIds: task.causes };
      if (reaction.kind === 'limited') log.debug(about, 'a task waits for the rate limit of the store');
      else log.warn(about, 'a task failed');
      if (!this.#isOwnTrouble(store, task, error)) await this.#react(store, reaction, task.subject.id);
      await settleFailure(attempt, error, this.#trouble);
    }
  }

  /** One page of a preview, whatever the state of the store. False where none is open. */
  async #makePreview(shift: Shift): Promise<boolean> {
    const { db, clock, storeLifecycle, log, answered } = this.#deps;
    const { lease, calls } = shift;
    const isDue = this.#isPreviewing && this.#previewNotBefore <= clock.now();
    const store = isDue ? await getStore(db, this.storeId) : null;
    if (!store) return false;
    const context = await storeLifecycle.storeContextOf(store);
    let asked = false;
    const record = (call: VendorCall) => {
      asked = true;
      storeLifecycle.onCall(store.type, 'scan', call);
    };
    try {
      const giveWay = () => this.#giveWay(shift);
      const made = await previewStep({ db, clock, giveWay }, context, lease, { signal: calls, record });
      if (asked) await this.#succeeded(store);
      if (made === 'over') answered.signal();
      this.#isPreviewing = made !== 'none';
    } catch (error) {
      if (error instanceof LeaseLost || calls.aborted) throw error;
      log.warn({ err: error, storeId: store.id }, 'a page of a preview failed');
      if (await settlePreviewFailure({ db, clock }, context, error)) answered.signal();
      const reaction: StoreReaction | null = error instanceof RemoteError ? reactionToRun(error) : null;
      if (reaction?.kind === 'limited') this.#previewNotBefore = clock.now() + reaction.ms;
      if (reaction) await this.#react(store, reaction, null);
      return reaction?.kind !== 'limited' && this.#isPreviewing;
    }
    return this.#isPreviewing;
  }

  async #syncStep(context: StoreContext, shift: Shift): Promise<boolean> {
    const { lease, calls } = shift;
    const { db, clock, storeLifecycle, log } = this.#deps;
    const { store } = context;
    try {
      const record = (call: VendorCall) => storeLifecycle.onCall(store.type, 'scan', call);
      const giveWay = () => this.#giveWay(shift);
      return await syncStep({ db, clock, giveWay }, context, lease, { signal: calls, record });
    } catch (error) {
      if (!(error instanceof RemoteError) || calls.aborted) throw error;
      log.warn({ err: error, storeId: store.id }, 'a step of a sync failed');
      await settleSyncFailure({ db, clock }, context, error);
      const reaction = reactionToRun(error);
      if (reaction.kind === 'limited') this.#syncNotBefore = clock.now() + reaction.ms;
      await this.#react(store, reaction, null);
      return reaction.kind !== 'limited';
    }
  }

  async #succeeded(store: StoreRecord): Promise<void> {
    const { db, clock } = this.#deps;
    this.#doubt.served();
    if (store.unrecognised !== null) await saveUnrecognised(db, store.id, null);
    if (this.#trouble.succeeded()) await endBackoff(db, this.storeId, isoTime(clock.now()));
  }

  /** `subjectId` is null for a run, whose failures are the store's alone. */
  async #react(store: StoreRecord, reaction: StoreReaction, subjectId: string | null): Promise<void> {
    const { clock, storeLifecycle } = this.#deps;
    switch (reaction.kind) {
      case 'goOn':
      case 'limited':
        return;
      case 'pause':
        return storeLifecycle.pauseForCredential(store, reaction.error);
      case 'trouble':
        this.#trouble.failed(subjectId, clock.now(), reaction.error.unrecognised);
        return this.#sayUnrecognised(store, reaction.error);
    }
  }

  /** Somebody who failed so before, while others were served, says nothing about the store. */
  #isOwnTrouble(store: StoreRecord, { postponed }: DueTask, error: unknown): boolean {
    const isKnown = postponed > 0 && store.unrecognised === null && !this.#trouble.isInTrouble;
    return isKnown && error instanceof RemoteError && error.unrecognised;
  }

  /** Where nobody gets an answer of the vendor's, the store says so; an outage of another kind takes its place. */
  async #sayUnrecognised(store: StoreRecord, { message, unrecognised }: RemoteError): Promise<void> {
    const { db, clock } = this.#deps;
    if (!unrecognised && store.unrecognised !== null) await saveUnrecognised(db, store.id, null);
    if (!unrecognised || !this.#trouble.isInTrouble) return;
    const now = clock.now();
    const since = store.unrecognised?.since ?? isoTime(now);
    const retryAt = isoTime(now + this.#trouble.waitMs(now));
    await saveUnrecognised(db, store.id, { since, message, retryAt });
  }
}

/** The vendor gave no answer to a write, and may carry it out after the next attempt has looked. */
function mayStillArrive(error: unknown): boolean {
  return error instanceof RemoteError && error.disposition === 'unknownOutcome';
}
