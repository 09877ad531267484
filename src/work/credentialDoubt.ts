/**
 * Before anybody is called refused, the bridge makes sure that it is not its credential that the vendor refuses: by
 * a check, at most one a minute for a store, whose answer serves everybody who was refused before it.
 */

import type { DueTask } from '../db/queue/queue.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { RemoteError } from '../model/errors.ts';
import { type Check, tenantMistake } from '../stores/check.ts';
import type { Clock } from '../support/clock.ts';

const CHECK_EVERY_MS = 60_000;
/** So many subjects refused one after the other are no coincidence. */
const REFUSED_MIN = 3;

/** What a check found, in the place of a refusal; it needs no check of its own. */
class Checked extends RemoteError {}

interface Refused {
  readonly error: RemoteError;
  /** What was refused ends access, which stays owed, or makes an account, which nobody else's can be to blame for. */
  readonly isOwed: boolean;
  /** Whom it is about, where that is not the subject of the task. */
  readonly about?: string;
  /** When the attempt began that was refused: what began before a check was over is answered by it. */
  readonly began: number;
}

interface Ended {
  readonly check: Check;
  readonly endedAt: number;
}

export type StoreCheck = (store: StoreRecord, signal: AbortSignal) => Promise<Check>;

export type AskAgain = (store: StoreRecord) => Promise<void>;

export class CredentialDoubt {
  readonly #clock: Clock;
  readonly #check: StoreCheck;
  readonly #askAgain: AskAgain;
  #checkedAt: number | null = null;
  /** When the credential was found good, where no later check found otherwise. */
  #goodAt: number | null = null;
  /** The last check, where it found nothing good, and when it was over. */
  #bad: Ended | null = null;
  /** Under way: it answers whoever is refused meanwhile, too. */
  #checking: Promise<Ended> | null = null;
  /** People and groups, since the last check, and since anybody was served. */
  readonly #refused = new Set<string>();
  /** Since anybody was served: those whose refusal may be about the credential, whatever its check finds. */
  readonly #denied = new Set<string>();
  /** Where asking again fails, whoever is denied next asks. */
  #hasAskedAgain = false;

  /** `askAgain`: for whoever was called refused before it was known that the vendor denies everybody. */
  constructor(clock: Clock, check: StoreCheck, askAgain: AskAgain) {
    this.#clock = clock;
    this.#check = check;
    this.#askAgain = askAgain;
  }

  /**
   * Resolves where the refusal is the subject's own. What is owed takes no check from before it for an answer. @throws
   * RemoteError: `unauthorized` where the credential is bad, `transient` where nobody can tell, `waits` until the next
   * check may be made, and where a check that finds nothing wrong is no answer: the vendor denies everybody.
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
    if (this.#bad !== null && began <= this.#bad.endedAt)
      throw verdict(store, error, this.#bad.check) ?? error;
    if (this.#checking === null && this.#checkedAt !== null) {
      // A check that found nothing good says of no refusal whose it is.
      const wasGood = this.#goodAt === this.#checkedAt;
      if (wasGood && refusedBefore(task, this.#checkedAt)) return;
      const waitMs = this.#checkedAt + CHECK_EVERY_MS - now;
      if (waitMs > 0) {
        this.#refused.add(about);
        if (wasGood && !isOwed && this.#refused.size < REFUSED_MIN) return;
        throw checked(store, error, 'waits', error, waitMs);
      }
    }
    await this.#checkNow(store, error, signal);
  }

  /**
   * Before it is believed that something is not there, by a vendor that shows less to a credential with fewer rights.
   * Resolves where the credential was found good within the last minute, or is so now. @throws as `settle`.
   */
  async prove(store: StoreRecord, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const isRecent = (at: number | null): at is number => at !== null && now - at < CHECK_EVERY_MS;
    if (isRecent(this.#goodAt)) return;
    const asked = { action: 'make sure that the credential sees everything', status: undefined };
    if (isRecent(this.#checkedAt)) {
      const message = `${store.name} showed nothing, and it is not known whether the credential may see it`;
      throw checked(store, asked, 'waits', { message }, this.#checkedAt + CHECK_EVERY_MS - now);
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
    this.#goodAt = bad === null ? endedAt : null;
    if (bad === null) return;
    this.#bad = { check, endedAt };
    throw bad;
  }

  async #checkOnce(store: StoreRecord, signal: AbortSignal): Promise<Ended> {
    try {
      const check = await this.#check(store, signal);
      const endedAt = this.#clock.now();
      this.#checkedAt = endedAt;
      this.#refused.clear();
      return { check, endedAt };
    } finally {
      this.#checking = null;
    }
  }

  /** Somebody was served: the credential is good for something. */
  served(): void {
    this.#refused.clear();
    this.#denied.clear();
    this.#hasAskedAgain = false;
  }
}

/** What a check makes of a refusal; null where the credential is good. */
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

/** The check came after an earlier refusal of the same subject, and answers it. */
function refusedBefore({ error, failedAt }: DueTask, checkedAt: number): boolean {
  const isRefusal = error?.status === 401 || error?.status === 403;
  return isRefusal && failedAt !== null && Date.parse(failedAt) < checkedAt;
}

/** What an error comes to once the doubt is settled; a 401 is nobody's own, and is tried again. */
export async function withoutDoubt(
  error: unknown,
  settle: (error: RemoteError, isOwed: boolean) => Promise<void>,
): Promise<unknown> {
  if (!isInDoubt(error)) return error;
  try {
    await settle(error, false);
  } catch (settled) {
    return settled;
  }
  if (error.disposition !== 'unauthorized') return error;
  const { message, store, action, status, code } = error;
  return new RemoteError(message, { store, action, status, code, disposition: 'waits' });
}

/** True of what may be about the credential, and has not been checked yet. */
function isInDoubt(error: unknown): error is RemoteError {
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
