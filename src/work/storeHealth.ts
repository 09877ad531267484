/**
 * How a store is doing, as far as its worker remembers: how attempts end, whether its credential is in doubt, and how
 * long to leave it alone. It writes that to the store's row, and pauses a store whose credential is refused.
 */

import type { Db } from '../db/open.ts';
import { type DueTask, endBackoff } from '../db/queue/queue.ts';
import { saveUnrecognised } from '../db/stores/storeProgress.ts';
import type { StoreRecord } from '../db/stores/stores.ts';
import { RemoteError } from '../model/errors.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { type AskAgain, CredentialJudge, type LastCheck, type StoreCheck } from './credentialJudge.ts';
import type { StoreReaction } from './failure.ts';
import { Trouble } from './trouble.ts';

export interface StoreHealthDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly storeLifecycle: {
    /** The vendor refuses the credential. Tasks stay; the store is checked again with growing gaps. */
    pauseForCredential(store: StoreRecord, error: RemoteError): Promise<void>;
    /** Tries subjects again that were called refused. */
    readonly askAgainForRefused: AskAgain;
    /** Is the credential good? Never throws a RemoteError. */
    readonly check: StoreCheck;
    /** What the last check of the store found, as long as the process runs. */
    lastCheckOf(storeId: string): LastCheck;
  };
}

/** The subject of the attempt; null for a run, whose failures are the store's alone. */
export interface Attempted {
  readonly subjectId: string | null;
  /** By the worker's clock. */
  readonly began: number;
}

const SUCCESS_NOTED_EVERY_MS = 1_000;

export class StoreHealth {
  readonly #deps: StoreHealthDeps;
  readonly trouble = new Trouble();
  readonly credential: CredentialJudge;
  /** ISO time: when the vendor last served a task; the store's row may be a moment behind. */
  servedAt: string | null = null;
  /** When a success was last to be written to the store's row, by the worker's clock. */
  #notedAt = Number.NEGATIVE_INFINITY;

  constructor(storeId: string, deps: StoreHealthDeps) {
    this.#deps = deps;
    const { check, askAgainForRefused, lastCheckOf } = deps.storeLifecycle;
    this.credential = new CredentialJudge(deps.clock, check, askAgainForRefused, lastCheckOf(storeId));
  }

  /** For how long the worker still leaves the store alone. */
  get waitMs(): number {
    return this.trouble.waitMs(this.#deps.clock.now());
  }

  /**
   * Whether the caller is to write its success to the store's row: one a second, because attempts that run side by side
   * wait for each other at that row.
   */
  takeNote(): boolean {
    const now = this.#deps.clock.now();
    const isDue = Math.abs(now - this.#notedAt) >= SUCCESS_NOTED_EVERY_MS;
    if (isDue) this.#notedAt = now;
    return isDue;
  }

  async succeeded(store: StoreRecord): Promise<void> {
    const { db, clock } = this.#deps;
    const wasDenied = this.credential.deniesEverybody;
    this.credential.served();
    if (store.unrecognised !== null) await saveUnrecognised(db, store.id, null);
    if (this.trouble.succeeded() || wasDenied) await endBackoff(db, store.id, isoTime(clock.now()));
  }

  async react(store: StoreRecord, reaction: StoreReaction, { subjectId, began }: Attempted): Promise<void> {
    const { clock, storeLifecycle } = this.#deps;
    switch (reaction.kind) {
      case 'goOn':
      case 'limited':
        return;
      case 'pause':
        return storeLifecycle.pauseForCredential(store, reaction.error);
      case 'trouble': {
        const { unrecognised } = reaction.error;
        this.trouble.failed(subjectId, clock.now(), { unrecognised, began });
        return this.#sayUnrecognised(store, reaction.error);
      }
    }
  }

  /** Whether the failure is the subject's own: it failed so before, while others were served. */
  isOwnTrouble(store: StoreRecord, { postponed }: DueTask, error: unknown): boolean {
    const isKnown = postponed > 0 && store.unrecognised === null && !this.trouble.isInTrouble;
    return isKnown && error instanceof RemoteError && error.unrecognised;
  }

  /** Writes to the store's row that the vendor answers nobody; an outage of another kind replaces that. */
  async #sayUnrecognised(store: StoreRecord, { message, unrecognised }: RemoteError): Promise<void> {
    const { db, clock } = this.#deps;
    if (!unrecognised && store.unrecognised !== null) await saveUnrecognised(db, store.id, null);
    if (!unrecognised || !this.trouble.isInTrouble) return;
    const now = clock.now();
    const since = store.unrecognised?.since ?? isoTime(now);
    const retryAt = isoTime(now + this.trouble.waitMs(now));
    await saveUnrecognised(db, store.id, { since, message, retryAt });
  }
}
