/**
 * Before the bridge calls a subject refused, it makes sure that the vendor does not refuse its credential: by a
 * check, at most once a minute for a store. One check answers for everybody who was refused before it ended, and for
 * the same refusal once more. What it found outlives the worker's time with the store.
 */

import type { DueTask } from '../db/queue/queue.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { RemoteError } from '../model/errors.ts';
import { type Check, tenantMistake } from '../stores/check.ts';
import type { Clock } from '../support/clock.ts';

const CHECK_EVERY_MS = 60_000;
/** This many subjects refused in a row are no coincidence. */
const REFUSED_MIN = 3;

/** What a check found, in place of the refusal. It needs no check of its own. */
class Checked extends RemoteError {}

interface Refused {
  readonly error: RemoteError;
  /**
   * The refused change ends access, which stays owed, or makes an account, for whose refusal no other account can be
   * to blame.
   */
  readonly isOwed: boolean;
  /** Whom the refusal is about, where that is not the task's subject. */
  readonly about?: string;
  /** When the refused attempt began: a check that ended later answers for it. */
  readonly began: number;
}

interface Ended {
  readonly check: Check;
  readonly endedAt: number;
}

/** What the last check of a store found. */
export class LastCheck {
  checkedAt: number | null = null;
  /** When a check last found the credential good, if no later one found otherwise. */
  goodAt: number | null = null;
  /** The last check and when it ended, if it did not find the credential good. */
  bad: Ended | null = null;
  /** Subjects whose refusal the last check answered. */
  readonly answered = new Set<string>();
}

/** The last checks of a process, by store. */
export function lastChecks(): (storeId: string) => LastCheck {
  const byStore = new Map<string, LastCheck>();
  return (storeId) => {
    const last = byStore.get(storeId) ?? new LastCheck();
    byStore.set(storeId, last);
    return last;
  };
}

export type StoreCheck = (store: StoreRecord, signal: AbortSignal) => Promise<Check>;

export type AskAgain = (store: StoreRecord) => Promise<void>;

export class CredentialJudge {
  readonly #clock: Clock;
  readonly #check: StoreCheck;
  readonly #askAgain: AskAgain;
  readonly #last: LastCheck;
  /** The check under way; it also answers for everybody who is refused meanwhile. */
  #checking: Promise<Ended> | null = null;
  /** Subjects that were refused since the last check and the last success. */
  readonly #refused = new Set<string>();
  /** Subjects since the last success whose refusal may be about the credential, whatever its check finds. */
  readonly #denied = new Set<string>();
  /** Whether the worker has asked again. Where that fails, the next refusal asks. */
  #hasAskedAgain = false;

  /** `askAgain`: for subjects that were called refused before the bridge knew that the vendor denies everybody. */
  constructor(clock: Clock, check: StoreCheck, askAgain: AskAgain, last = new LastCheck()) {
    this.#clock = clock;
    this.#check = check;
    this.#askAgain = askAgain;
    this.#last = last;
  }

  /**
   * Resolves where the refusal is the subject's own. For what is owed, an earlier check is no answer. @throws
   * RemoteError: `unauthorized` where the credential is bad; `transient` where nobody can tell; `waits` until the
   * next check may be made, or where the vendor denies everybody although the check finds nothing wrong.
   */
  async settle(store: StoreRecord, task: DueTask, refused: Refused, signal: AbortSignal): Promise<void> {
    await this.#settleByCheck(store, task, refused, signal);
    const { error, about = task.subject.id } = refused;
    if (!error.mayLackRights) return;
    this.#denied.add(about);
    if (!this.deniesEverybody) return;
    if (!this.#hasAskedAgain) await this.#askAgain(store);
    this.#hasAskedAgain = true;
    const message = `${error.message}; so it says of everybody, although the token may read: make sure that its owner still has the right to change people`;
    throw checked(store, error, 'waits', { message, code: error.code });
  }

  get deniesEverybody(): boolean {
    return this.#denied.size >= REFUSED_MIN;
  }

  async #settleByCheck(
    store: StoreRecord,
    task: DueTask,
    { error, isOwed, began, about = task.subject.id }: Refused,
    signal: AbortSignal,
  ): Promise<void> {
    const now = this.#clock.now();
    const { bad, checkedAt, goodAt, answered } = this.#last;
    if (bad !== null && began <= bad.endedAt) throw verdict(store, error, bad.check) ?? error;
    if (this.#checking === null && checkedAt !== null) {
      // A check that did not find the credential good says of no refusal whose it is.
      const wasGood = goodAt === checkedAt;
      if (wasGood && refusedBefore(task, checkedAt)) return;
      const waitMs = checkedAt + CHECK_EVERY_MS - now;
      if (waitMs > 0) {
        if (wasGood && answered.has(about)) return;
        this.#refused.add(about);
        if (wasGood && !isOwed && this.#refused.size < REFUSED_MIN) return;
        throw checked(store, error, 'waits', error, waitMs);
      }
    }
    await this.#checkNow(store, error, signal);
    this.#last.answered.add(about);
  }

  /**
   * Runs before the bridge believes that something is gone, at a vendor that shows less to a credential with fewer
   * rights. Resolves where the credential was found good within the last minute, or is found good now. @throws as
   * `settle`.
   */
  async prove(store: StoreRecord, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const isRecent = (at: number | null): at is number => at !== null && now - at < CHECK_EVERY_MS;
    const { goodAt, checkedAt } = this.#last;
    if (isRecent(goodAt)) return;
    const asked = { action: 'make sure that the credential sees everything', status: undefined };
    if (isRecent(checkedAt)) {
      const message = `${store.name} showed nothing, and it is not known whether the credential may see it`;
      throw checked(store, asked, 'waits', { message }, checkedAt + CHECK_EVERY_MS - now);
    }
    await this.#checkNow(store, asked, signal);
  }

  async #checkNow(
    store: StoreRecord,
    error: Pick<RemoteError, 'action' | 'status'>,
    signal: AbortSignal,
  ): Promise<void> {
    this.#checking ??= this.#checkOnce(store, signal);
    const { check, endedAt } = await this.#checking;
    const bad = verdict(store, error, check);
    this.#last.goodAt = bad === null ? endedAt : null;
    if (bad === null) return;
    this.#last.bad = { check, endedAt };
    throw bad;
  }

  async #checkOnce(store: StoreRecord, signal: AbortSignal): Promise<Ended> {
    try {
      const check = await this.#check(store, signal);
      const endedAt = this.#clock.now();
      this.#last.checkedAt = endedAt;
      this.#last.answered.clear();
      this.#refused.clear();
      return { check, endedAt };
    } finally {
      this.#checking = null;
    }
  }

  /** A call succeeded, so the credential is good for something. */
  served(): void {
    this.#refused.clear();
    this.#denied.clear();
    this.#hasAskedAgain = false;
  }
}

/** The error that a check turns a refusal into; null where the credential is good. */
function verdict(
  store: StoreRecord,
  error: Pick<RemoteError, 'action' | 'status'>,
  check: Check,
): RemoteError | null {
  if (check.outcome === 'unreachable') return checked(store, error, 'transient', check);
  if (check.outcome === 'refused') {
    const message = check.details.map((detail) => detail.message).join(' ');
    return checked(store, error, 'unauthorized', { message, code: check.details[0]?.code });
  }
  const message = tenantMistake(store, check.status);
  return message === null ? null : checked(store, error, 'unauthorized', { message, code: 'other_tenant' });
}

/** Whether the check came after an earlier refusal of the same subject, and so answers it. */
function refusedBefore({ error, failedAt }: DueTask, checkedAt: number): boolean {
  const isRefusal = error?.status === 401 || error?.status === 403;
  return isRefusal && failedAt !== null && Date.parse(failedAt) < checkedAt;
}

/** The error after the doubt about the credential is settled. A 401 is no subject's own, and is tried again. */
export async function withCredentialRuledOut(
  error: unknown,
  settle: (error: RemoteError, isOwed: boolean) => Promise<void>,
): Promise<unknown> {
  if (!mayBeAboutCredential(error)) return error;
  try {
    await settle(error, false);
  } catch (settled) {
    return settled;
  }
  if (error.disposition !== 'unauthorized') return error;
  const { message, store, action, status, code } = error;
  return new RemoteError(message, { store, action, status, code, disposition: 'waits' });
}

/** Whether the error may be about the credential and has not been checked yet. */
function mayBeAboutCredential(error: unknown): error is RemoteError {
  if (!(error instanceof RemoteError) || error instanceof Checked) return false;
  if (error.disposition === 'unauthorized') return true;
  return error.disposition === 'forbidden' && (error.status === 401 || error.status === 403);
}

function checked(
  { type }: StoreRecord,
  { action, status }: Pick<RemoteError, 'action' | 'status'>,
  disposition: 'unauthorized' | 'transient' | 'waits',
  { message, code }: { readonly message: string; readonly code?: string | undefined },
  retryAfterMs?: number,
): RemoteError {
  return new Checked(message, { store: type, action, disposition, status, code, retryAfterMs });
}
