/**
 * Answers inquiries about a peer, for the worker that has its lease: before any other work, and even where the peer
 * is inactive or paused. A worker that is stopped leaves the inquiry to the next one.
 */

import type { Db } from '../db/open.ts';
import { type Inquiry, markTaken, openInquiries, saveAnswer } from '../db/queue/inquiries.ts';
import type { Wake } from '../db/queue/wake.ts';
import { VENDOR_WAIT_MAX_MS } from '../stores/check.ts';
import type { InquiryAnswer } from '../stores/vendorAnswer.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import type { Log } from '../support/log.ts';

export interface AnswererDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly answered: Wake;
  /** Where `ends` aborts it, rejects with the reason of `ends`. */
  askVendor(inquiry: Inquiry, ends: AbortSignal): Promise<InquiryAnswer>;
}

export class Answerer {
  readonly #peerId: string;
  readonly #deps: AnswererDeps;
  /** By inquiry: when the vendor, which limits the rate, may be asked again. */
  readonly #postponed = new Map<string, number>();

  constructor(peerId: string, deps: AnswererDeps) {
    this.#peerId = peerId;
    this.#deps = deps;
  }

  /** Answers each inquiry that the vendor may be asked now. Rejects where `calls` ends the call under way. */
  async answerAll(calls: AbortSignal): Promise<void> {
    const { db, clock } = this.#deps;
    const open = await openInquiries(db, this.#peerId, isoTime(clock.now()));
    for (const inquiry of open) {
      if ((this.#postponed.get(inquiry.id) ?? 0) <= clock.now()) await this.#answer(inquiry, calls);
    }
    if (open.length === 0) this.#postponed.clear();
  }

  async #answer(inquiry: Inquiry, calls: AbortSignal): Promise<void> {
    const { db, clock, answered } = this.#deps;
    const began = clock.now();
    if (inquiry.takenAt === null) await markTaken(db, inquiry.id, isoTime(began));
    const answer = await this.#ask(inquiry, calls);
    const until = (inquiry.takenAt === null ? began : Date.parse(inquiry.takenAt)) + VENDOR_WAIT_MAX_MS;
    const againAt =
      'retryAfterMs' in answer ? clock.now() + (answer.retryAfterMs ?? 0) : Number.POSITIVE_INFINITY;
    if (againAt < until) {
      this.#postponed.set(inquiry.id, againAt);
      return;
    }
    await saveAnswer(db, inquiry.id, answer);
    answered.signal();
  }

  async #ask(inquiry: Inquiry, calls: AbortSignal): Promise<InquiryAnswer> {
    const { log, askVendor } = this.#deps;
    try {
      return await askVendor(inquiry, calls);
    } catch (error) {
      calls.throwIfAborted();
      log.error({ err: error, peerId: this.#peerId, inquiry: inquiry.question.kind }, 'an inquiry failed');
      return { outcome: 'failed' };
    }
  }
}
