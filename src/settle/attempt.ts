/** One attempt: what it knows of its task, and what it records while its worker holds the lease of the store. */

import type { CallContext, VendorCall } from '../connectors/connector.ts';
import { appendEvent, type NewEvent, namedInsert } from '../db/events.ts';
import type { Insert } from '../db/knex/writing.ts';
import type { Db } from '../db/open.ts';
import { PRIORITY } from '../db/queue/enqueue.ts';
import { type Hold, holdLease, type Lease, recordHolding } from '../db/queue/leases.ts';
import { type DueTask, type Intent, setIntent } from '../db/queue/queue.ts';
import { scheduleRecheck } from '../db/queue/rechecks.ts';
import { holdStanding, type Standing } from '../db/seen/standing.ts';
import type { HeldStore } from '../db/stores/contextVersions.ts';
import { contextVersionOf, holdContextVersion, holdStore } from '../db/stores/contextVersions.ts';
import { SYSTEM } from '../model/cause.ts';
import type { Change } from '../model/change.ts';
import type { RemoteError } from '../model/errors.ts';
import type { StoreContext } from '../stores/desired.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import type { Log } from '../support/log.ts';
import type { Claim } from './gate/claims.ts';
import { PlanOutdated } from './gate/outdated.ts';

/** How many reads before a change its event lists; a large group has many pages. */
const LOOKS_TOLD_MAX = 100;
export interface AttemptDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  /** Whether this attempt writes to the store's row that the vendor served it. Always the same answer. */
  readonly notesSuccess: () => boolean;
}

type RuleOutCredential = (error: RemoteError, isOwed: boolean, member?: string) => Promise<void>;
type OnCall = (op: string, call: VendorCall) => void;
type Note = (db: Db, taskId: string, intent: Intent) => Promise<unknown>;
type Given = 'context' | 'lease' | 'task' | 'claim' | 'giveWay' | 'ruleOutCredential' | 'proveRights';

export class Attempt {
  readonly deps: AttemptDeps;
  readonly context: StoreContext;
  readonly lease: Lease;
  readonly task: DueTask;
  /** The accounts, groups and keys that no other attempt may work on meanwhile. */
  readonly claim: Claim;
  /** An earlier attempt may have reached the vendor, so this one reads before it writes. */
  unknownOutcome: boolean;
  /** What the earlier attempt was about to do; null once the bridge knows what became of it. */
  intent: Intent | null;
  /** This attempt has called the vendor, so its success says something about the store too. */
  asked = false;
  /** How many announcements of its causes were in force when the attempt counted their people. */
  announced = 0;
  /** Something else than the vendor answered a write of this attempt, so the write may still take effect. */
  mayStillArrive = false;
  readonly giveWay: () => Promise<boolean>;
  /**
   * For a refusal that may be about the credential. Resolves where the refusal is only about the subject, or the
   * `member`; otherwise throws the RemoteError to use instead.
   */
  readonly ruleOutCredential: RuleOutCredential;
  /** Throws the RemoteError of a credential that may not see everything; see `believeAbsence`. */
  readonly proveRights: () => Promise<void>;
  /** The linked account is gone, and its person was to lose it. Another account may have its identifier. */
  lost: boolean;
  /** The vendor refused something, so its answer says nothing about the store. */
  wasRefused = false;
  /** A call that may write is over since the last announcement. */
  #wrote = false;
  /** What this attempt was last about to do at the vendor. */
  #announced: Intent | null = null;
  /** The announced call that the vendor left unanswered, while the attempt goes on to other changes. */
  #unanswered: Intent | null = null;
  /** Calls that only read and that no event lists yet. */
  #looks: VendorCall[] = [];
  /** Log lines of the open transaction; they are written once it is committed. */
  #warnings: { readonly fields: object; readonly message: string }[] = [];
  /** Events that wait for the task to end; null where each is written at once. */
  #eventsAtEnd: Insert[] | null = null;
  readonly #signal: AbortSignal;
  readonly #onCall: OnCall;

  constructor(
    deps: AttemptDeps,
    work: Pick<Attempt, Given> & { readonly signal: AbortSignal; readonly onCall: OnCall },
  ) {
    this.deps = deps;
    this.context = work.context;
    this.lease = work.lease;
    this.task = work.task;
    this.claim = work.claim;
    this.intent = work.task.intent;
    this.unknownOutcome = work.task.intent !== null || work.task.attempts > 0;
    this.lost = work.task.intent?.lost ?? false;
    this.giveWay = work.giveWay;
    this.ruleOutCredential = work.ruleOutCredential;
    this.proveRights = work.proveRights;
    this.#signal = work.signal;
    this.#onCall = work.onCall;
  }

  get db() {
    return this.deps.db;
  }

  now(): string {
    return isoTime(this.deps.clock.now());
  }

  /** A fresh list of calls for one operation, and the callContext that fills it. */
  calling(op: string): { readonly calls: VendorCall[]; readonly callContext: CallContext } {
    this.asked = true;
    const calls: VendorCall[] = [];
    const record = (call: VendorCall) => {
      calls.push(call);
      this.#wrote ||= call.method !== 'GET';
      this.#onCall(op, call);
    };
    const about = { record, urgent: this.task.priority === PRIORITY.leaver };
    return { calls, callContext: { signal: this.#signal, confirm: () => this.#confirm(), ...about } };
  }

  /** For calls that only read: the next event lists them. */
  looking(op: string): CallContext {
    const { callContext } = this.calling(op);
    const record = (call: VendorCall) => {
      callContext.record(call);
      if (this.#looks.length < LOOKS_TOLD_MAX) this.#looks.push(call);
    };
    return { ...callContext, record };
  }

  /** Whether there are reads that no event lists yet. */
  get untold(): boolean {
    return this.#looks.length > 0;
  }

  /** `work` may run more than once. @throws LeaseLost, and then nothing is recorded. */
  record<T>(work: (tx: Db) => Promise<T>): Promise<T> {
    return this.#recordHolding(holdLease, work);
  }

  /** The same for the record that ends the attempt. `standing`: the subject's status before it. */
  recordEnd<T>(work: (tx: Db, standing: Standing) => Promise<T>): Promise<T> {
    return this.#recordHolding(
      (tx, lease) => holdStanding(tx, lease, this.task.subject),
      (tx, standing) => {
        this.#eventsAtEnd = [];
        return work(tx, standing);
      },
    );
  }

  /** The events of `recordEnd` so far, to be written along with the task. */
  takeEvents(): readonly Insert[] {
    const events = this.#eventsAtEnd ?? [];
    this.#eventsAtEnd = null;
    return events;
  }

  /**
   * The same before a call that writes: until then nobody can save other settings. `alone`: `work` writes to the
   * store's row. @throws PlanOutdated, and then nothing is recorded.
   */
  recordBefore<T>(alone: boolean, work: (tx: Db, held: HeldStore) => Promise<T>): Promise<T> {
    const { id, contextVersion } = this.context.store;
    return this.#recordHolding(
      (tx, lease) => holdStore(tx, lease, alone),
      (tx, held) => {
        if (held.contextVersion !== contextVersion) throw new PlanOutdated(id);
        return work(tx, held);
      },
    );
  }

  async #recordHolding<H, T>(hold: Hold<H>, work: (tx: Db, held: H) => Promise<T>): Promise<T> {
    const looks = this.#looks;
    const result = await recordHolding(this.deps.db, this.lease, hold, (tx, held) => {
      this.#looks = looks;
      this.#warnings = [];
      return work(tx, held);
    }).finally(() => {
      this.#eventsAtEnd = null;
    });
    for (const { fields, message } of this.#warnings) this.deps.log.warn(fields, message);
    return result;
  }

  /** Writes a line to the log once the open transaction is committed. */
  warn(message: string, fields: Readonly<Record<string, unknown>>): void {
    const { storeId, subject, causes: correlationIds } = this.task;
    const about = { storeId, store: this.context.store.name, subject, correlationIds };
    this.#warnings.push({ message, fields: { ...about, ...fields } });
  }

  /** Records what was done, before another call that writes. @throws PlanOutdated, but the record is kept. */
  async recordAndGoOn<T>(work: (tx: Db) => Promise<T>): Promise<T> {
    const { id, contextVersion } = this.context.store;
    const { result, goesOn } = await this.record(async (tx) => {
      const result = await work(tx);
      const goesOn = (await holdContextVersion(tx, id)) === contextVersion;
      if (!goesOn) await setIntent(tx, this.task.id, this.#unanswered);
      return { result, goesOn };
    });
    if (goesOn) return result;
    throw new PlanOutdated(id);
  }

  /** Runs before a call that had to wait some ms for its turn. @throws PlanOutdated */
  async #confirm(): Promise<void> {
    const { id, contextVersion } = this.context.store;
    if ((await contextVersionOf(this.db, id)) !== contextVersion) throw new PlanOutdated(id);
  }

  /**
   * Writes down what the attempt is about to do, for whoever finds its outcome unknown. False where `note` answers
   * false.
   */
  async announce(db: Db, intent: Intent, note: Note = setIntent): Promise<boolean> {
    const whole = this.lost ? { ...intent, lost: true } : intent;
    if ((await note(db, this.task.id, whole)) === false) return false;
    this.#announced = whole;
    this.#wrote = false;
    return true;
  }

  /**
   * The vendor refused the whole call. Of a creation the bridge remembers what it would have made: the call may have
   * been delivered twice, and the account that has the identifier be the bridge's own.
   */
  async withdrawIntent(): Promise<void> {
    if (this.#announced?.ops.includes('create')) this.intent ??= { ...this.#announced, ops: ['adopt'] };
    await this.record((tx) => this.callOff(tx));
  }

  /** The announced call never reached the vendor. What an earlier attempt did may still be to be found. */
  async callOff(tx: Db): Promise<void> {
    await setIntent(tx, this.task.id, this.intent);
    this.#announced = null;
  }

  /** The attempt ended before its call left, so there is nothing of it to look for. */
  async callOffUnsent(): Promise<void> {
    if (this.#announced !== null && !this.#wrote) await this.record((tx) => this.callOff(tx));
  }

  /** The announced call may have been made, and the attempt goes on to other changes. */
  leaveUnanswered(): void {
    this.#unanswered = this.#announced;
    this.intent = this.#announced;
  }

  /** Something else than the vendor answered the last write, so the next look goes by the announced call. */
  markOutcomeUnknown(): void {
    this.intent = this.#announced ?? this.intent;
    this.unknownOutcome = true;
    this.mayStillArrive = true;
  }

  /** The vendor does not have the account. The next attempt looks for another account of the person. */
  async noteLost(tx: Db): Promise<void> {
    this.lost = true;
    this.intent = { ops: [], attributes: {}, lost: true };
    await this.callOff(tx);
  }

  /** The task was given up, and a call may take effect until `at`. Whoever has the store then looks again. */
  async scheduleRecheck(at: string): Promise<void> {
    const intent = this.#announced ?? this.intent;
    const about = { ...this.task, correlationId: this.task.causes.at(-1) ?? null };
    if (intent !== null) await scheduleRecheck(this.db, { ...about, intent, at });
  }

  async event(db: Db, event: Pick<NewEvent, 'kind' | 'outcome'> & Partial<NewEvent>): Promise<void> {
    const { id, name, environmentId } = this.context.store;
    const [correlationId = newId(), ...others] = this.task.causes.toReversed();
    const calls = [...this.#looks, ...(event.calls ?? [])];
    this.#looks = [];
    const told = {
      ...{ environmentId, store: { id, name }, cause: { correlationId, actor: SYSTEM } },
      ...event,
      ...(calls.length > 0 || event.calls ? { calls } : {}),
    };
    if (this.#eventsAtEnd && others.length === 0)
      this.#eventsAtEnd.push(await namedInsert(db, this.now(), told));
    else await appendEvent(db, this.now(), { ...told, alsoCausedBy: others });
  }

  async changeEvent(db: Db, change: Change, more: Partial<NewEvent>): Promise<void> {
    const { op, subject } = change;
    await this.event(db, { kind: `change.${op}`, outcome: 'success', subject, ...more });
  }

  /** The bridge knows what became of the earlier attempt, so nobody need look for it again. */
  async forgetIntent(tx: Db): Promise<void> {
    this.intent = null;
    await setIntent(tx, this.task.id, null);
  }
}
