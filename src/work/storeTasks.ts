/**
 * Settles the due tasks of one store, several at once. A subject has one attempt at a time, leavers come first and
 * have room of their own, and no two attempts have the same account, group or key. It waits only for attempts that it
 * began.
 */

import type { VendorCall } from '../connectors/connector.ts';
import type { Db } from '../db/open.ts';
import type { DueOnStore, TaskSelection } from '../db/queue/dueTasks.ts';
import { PRIORITY } from '../db/queue/enqueue.ts';
import { LeaseLost } from '../db/queue/leases.ts';
import type { DueTask } from '../db/queue/queue.ts';
import { membersAmong } from '../db/seen/memberDifferences.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { RemoteError } from '../model/errors.ts';
import { Attempt } from '../settle/attempt.ts';
import { AlreadyClaimed, type Claim, Claims } from '../settle/gate/claims.ts';
import { PlanOutdated } from '../settle/gate/outdated.ts';
import { settleGroup } from '../settle/groups/settleGroup.ts';
import { settleUser } from '../settle/people/settleUser.ts';
import { withSeatsTold } from '../settle/seats.ts';
import type { StoreContext } from '../stores/desired.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { AttemptsUnderWay } from './attemptsUnderWay.ts';
import { withCredentialRuledOut } from './credentialJudge.ts';
import { reactionTo, settleFailure } from './failure.ts';
import { CALL_MAX_MS, type Shift } from './peerRunner.ts';
import type { StoreHealth } from './storeHealth.ts';

export interface StoreTasksDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly storeLifecycle: {
    storeContextOf(store: StoreRecord): Promise<StoreContext>;
    onCall(storeType: string, op: string, call: VendorCall): void;
  };
}

/** How long a group waits, at most, for members whose own attempts are under way. */
const GROUP_WAITS_MAX_MS = 1_000;

/** The result of looking for tasks. `full`: some began, and nothing else could. `outdated`: see `begin`. */
export type Begun = 'began' | 'full' | 'nothing' | 'outdated';

export class StoreTasks {
  readonly underWay = new AttemptsUnderWay();
  readonly #deps: StoreTasksDeps;
  readonly #health: StoreHealth;
  /** The store with what is due there, if the worker may work on it now. */
  readonly #lookAtStore: (shift: Shift, wanted: TaskSelection) => Promise<DueOnStore | null>;
  readonly #claims = new Claims();
  /** The keys that tasks need which met another attempt's claim, by the id of the task. */
  readonly #needs = new Map<string, readonly string[]>();
  /** How many attempts may be under way: twice as many after each success, and one after a failure or a rest. */
  #pace = 1;
  /** Since when groups wait for their members, by the id of the task. */
  readonly #heldBack = new Map<string, number>();
  /** `PARALLEL_CHANGES` as it was when tasks last began; 1 is enough to begin with. */
  #parallelChanges = 1;

  constructor(
    deps: StoreTasksDeps,
    health: StoreHealth,
    lookAtStore: (shift: Shift, wanted: TaskSelection) => Promise<DueOnStore | null>,
  ) {
    this.#deps = deps;
    this.#health = health;
    this.#lookAtStore = lookAtStore;
  }

  /** The tasks that may begin now, as far as there is room, and one more, which tells that others are due. */
  wanted(): TaskSelection {
    const { leavers, others } = this.#room();
    return { limit: leavers > 0 ? leavers + 1 : 0, except: this.#notNow(), onlyLeavers: others <= 0 };
  }

  /** Begins the tasks that there is room for. `outdated`: an admin saved settings after the store was read. */
  async begin(
    context: StoreContext,
    shift: Shift,
    { wanted, due }: { readonly wanted: TaskSelection; readonly due: readonly DueTask[] },
  ): Promise<Begun> {
    this.#parallelChanges = context.settings.parallelChanges;
    let begun = 0;
    for (const task of due) {
      const room = this.#room();
      if ((isLeaver(task) ? room.leavers : room.others) <= 0) continue;
      // Other settings were saved before the task was claimed; the task must be planned with those.
      if (task.contextVersion !== context.store.contextVersion) return 'outdated';
      if ((await this.#waitsForMembers(task)) || !this.#isFree(task)) continue;
      const isAlone = this.isAlone;
      const giveWay = () => (isAlone ? this.leaversFirst(shift) : Promise.resolve(false));
      void this.#settle(context, shift, task, giveWay);
      begun += 1;
    }
    if (begun === 0) return 'nothing';
    // The look left out nobody, so nothing else is due.
    const isAll = begun === due.length && due.length < wanted.limit && !wanted.onlyLeavers;
    return isAll || this.#isFull(due) ? 'full' : 'began';
  }

  /** Whether only one attempt runs at a time; then it may let leavers go first. */
  get isAlone(): boolean {
    return this.#parallelChanges === 1;
  }

  /** Whether there is no more room. All due leavers come before everybody else. */
  #isFull(due: readonly DueTask[]): boolean {
    return this.#room().others <= 0 && !due.every(isLeaver);
  }

  /** Settles, in turn, the leavers who came after longer work had begun. True where there were some. */
  async leaversFirst(shift: Shift): Promise<boolean> {
    const { storeLifecycle } = this.#deps;
    for (let passed = 0; ; passed++) {
      const wanted = { limit: 1, except: this.#notNow(), onlyLeavers: true };
      const found = await this.#lookAtStore(shift, wanted);
      const task = found?.tasks[0];
      if (!found || !task || shift.stopping.aborted || this.#health.waitMs > 0) return passed > 0;
      const context = await storeLifecycle.storeContextOf(found.store);
      if (!this.#isFree(task)) continue;
      await this.#settle(context, shift, task, () => Promise.resolve(false));
      this.underWay.throwIfFailed();
    }
  }

  /**
   * How many more attempts may begin: of leavers, and of all others, who leave one place to leavers. While a store
   * has served nobody since its last failure or rest, one attempt at a time asks it: what that one learns of the
   * credential, the seats or the store's health spares the others the call.
   */
  #room(): { readonly leavers: number; readonly others: number } {
    const { tasks } = this.underWay;
    const parallelChanges = this.#parallelChanges;
    const leaving = tasks.filter(isLeaver).length;
    const others = Math.min(this.#pace, Math.max(1, parallelChanges - 1));
    // One leaver may run beside everything else, unless each call only asks whether the store is well.
    const beside = this.#health.trouble.isInTrouble ? 0 : 1;
    const all = Math.min(parallelChanges, this.#pace + beside);
    const leavers = Math.min(all - tasks.length, this.#pace - leaving);
    return { leavers, others: Math.min(leavers, others - tasks.length) };
  }

  /** Nothing is due: the next attempt runs alone, and so asks whether the store is well. */
  rest(): void {
    this.#pace = 1;
    this.#needs.clear();
    this.#heldBack.clear();
  }

  /** The ids of tasks that are under way, or that need a key of another attempt. */
  #notNow(): readonly string[] {
    const needing = [...this.#needs.keys()].filter((id) => this.#lacks(id));
    return [...this.underWay.tasks.map(({ id }) => id), ...needing];
  }

  #lacks(taskId: string): boolean {
    return (this.#needs.get(taskId) ?? []).some((key) => this.#claims.isHeld(key));
  }

  #isFree({ id, subject }: DueTask): boolean {
    return !this.underWay.has(subject) && !this.#lacks(id);
  }

  /** Whether a group waits for members whose attempts are under way: otherwise the group would be worked on twice. */
  async #waitsForMembers({ id, subject }: DueTask): Promise<boolean> {
    const { db, clock } = this.#deps;
    if (subject.kind !== 'group') return false;
    const people = this.underWay.tasks.flatMap((task) =>
      task.subject.kind === 'user' ? [task.subject.id] : [],
    );
    const since = this.#heldBack.get(id) ?? clock.now();
    const mayWait = people.length > 0 && clock.now() - since < GROUP_WAITS_MAX_MS;
    const waits = mayWait && (await membersAmong(db, [subject.id], people)).size > 0;
    if (waits) this.#heldBack.set(id, since);
    else this.#heldBack.delete(id);
    return waits;
  }

  async #served({ store, settings }: StoreContext): Promise<void> {
    this.#pace = Math.min(settings.parallelChanges, this.#pace * 2);
    await this.#health.succeeded(store);
  }

  #settle(
    context: StoreContext,
    shift: Shift,
    task: DueTask,
    giveWay: () => Promise<boolean>,
  ): Promise<void> {
    const claim = this.#claims.begin();
    claim.take(this.#needs.get(task.id) ?? []);
    this.#needs.delete(task.id);
    return this.underWay.begin(task, () => this.#attempt(context, shift, { task, claim, giveWay }));
  }

  async #attempt(
    context: StoreContext,
    { lease, calls }: Shift,
    { task, claim, giveWay }: Beginning,
  ): Promise<void> {
    const { db, clock, storeLifecycle, log } = this.#deps;
    const { store } = context;
    const began = clock.now();
    log.debug(
      { storeId: store.id, subject: task.subject, correlationIds: task.causes },
      'an attempt at a task begins',
    );
    const onCall = (op: string, call: VendorCall) => storeLifecycle.onCall(store.type, op, call);
    const ruleOutCredential = (error: RemoteError, isOwed: boolean, member = task.subject.id) =>
      this.#health.credential.settle(store, task, { error, isOwed, began, about: member }, calls);
    const proveRights = () => this.#health.credential.prove(store, calls);
    let note: boolean | null = null;
    const notesSuccess = () => {
      note ??= this.#health.takeNote();
      return note;
    };
    const work = {
      context,
      lease,
      task,
      claim,
      signal: calls,
      onCall,
      giveWay,
      ruleOutCredential,
      proveRights,
    };
    const attempt = new Attempt({ db, clock, log, notesSuccess }, work);
    const { servedAt } = this.#health;
    try {
      if (task.subject.kind === 'user') await settleUser(attempt);
      else await settleGroup(attempt);
      if (attempt.asked) this.#health.servedAt = attempt.now();
      if (attempt.asked && !attempt.wasRefused) await this.#served(context);
      if (attempt.mayStillArrive) await attempt.scheduleRecheck(isoTime(clock.now() + CALL_MAX_MS));
    } catch (thrown) {
      if (thrown instanceof AlreadyClaimed) {
        this.#needs.set(task.id, thrown.needed);
        return;
      }
      const error = await withSeatsTold(attempt, await withCredentialRuledOut(thrown, ruleOutCredential));
      // The task is still due; it is planned with the present settings when it is claimed again.
      if (error instanceof PlanOutdated) return await attempt.callOffUnsent();
      const lost = error instanceof LeaseLost;
      if (lost || calls.aborted || mayStillArrive(error))
        await attempt.scheduleRecheck(isoTime(clock.now() + CALL_MAX_MS));
      if (lost) throw error;
      if (calls.aborted) return;
      if (!(error instanceof RemoteError) || !SAYS_NOTHING.includes(error.disposition)) this.#pace = 1;
      const reaction = reactionTo(error);
      const about = { err: error, storeId: store.id, subject: task.subject, correlationIds: task.causes };
      if (reaction.kind === 'limited') log.debug(about, 'a task waits for the rate limit of the store');
      else log.warn(about, 'a task failed');
      if (!this.#health.isOwnTrouble(store, task, error))
        await this.#health.react(store, reaction, { subjectId: task.subject.id, began });
      const { streak, isInTrouble } = this.#health.trouble;
      await settleFailure(attempt, error, { streak, isInTrouble, servedAt });
    } finally {
      claim.end();
    }
  }
}

interface Beginning {
  readonly task: DueTask;
  readonly claim: Claim;
  readonly giveWay: () => Promise<boolean>;
}

/** Dispositions that are about the subject or the bridge, and say nothing about the store. */
const SAYS_NOTHING: readonly RemoteError['disposition'][] = [
  'rateLimited',
  'conflict',
  'rejected',
  'missing',
];

/** Somebody who must lose access. */
export function isLeaver({ priority, subject }: DueTask): boolean {
  return priority === PRIORITY.leaver && subject.kind === 'user';
}

/** The vendor did not answer a write, and may carry it out after the next attempt has looked. */
function mayStillArrive(error: unknown): boolean {
  return error instanceof RemoteError && error.disposition === 'unknownOutcome';
}
