/**
 * Asks a worker what only a vendor knows, and waits for the answer, because requests never call a vendor. Until then
 * it saves only the inquiry, which it deletes when the request has its answer or gives up.
 */

import type { Db } from '../db/open.ts';
import {
  deleteInquiry,
  getInquiry,
  type Inquiry,
  insertInquiry,
  lastWorkerSeen,
  type Question,
  type SealedSecrets,
  type WantedGroups,
} from '../db/queue/inquiries.ts';
import type { Wake } from '../db/queue/wake.ts';
import { RequestError } from '../model/errors.ts';
import type { Configuration } from '../model/settings.ts';
import type { Kind } from '../model/subject.ts';
import { type Clock, isoTime, pause } from '../support/clock.ts';
import { NO_WORKER_SECONDS } from '../support/retryAfter.ts';
import type { Keyring } from '../support/secret.ts';
import { type Check, VENDOR_WAIT_MAX_MS } from './check.ts';
import { type Sealable, sealSecrets } from './storeSecrets.ts';
import type { Answer, Failure, GroupsAnswer, ReadAnswer } from './vendorAnswer.ts';

/** Each throws a RequestError: 503 `no_worker` where no worker answers, 404 where the store has gone. */
export interface Inquiries {
  /** Is the credential of a saved store good? */
  check(store: { readonly id: string }): Promise<Check>;
  /** Would these settings do? The store may be new: then nothing of it is saved yet. */
  checkTrial(trial: Trial): Promise<Check>;
  /** For work that a request only queues: resolves where a worker is there, as far as this process knows. */
  requireWorker(): Promise<void>;
  /** Wakes the workers and calls `look` until it finds something; null after `maxMs`. */
  waitFor<T>(look: () => Promise<T | null>, maxMs: number): Promise<T | null>;
  /** What is the account, or the group, with this id? */
  read(store: { readonly id: string }, subject: Kind, remoteId: string): Promise<ReadAnswer>;
  /** Which groups does a pulled directory have? */
  listGroups(connection: { readonly id: string }, wanted: WantedGroups): Promise<GroupsAnswer>;
  /** The process stops: waiting requests are told to come again. */
  end(): void;
}

export interface Trial {
  readonly id: string;
  readonly definition: Sealable & { readonly type: string };
  /** Secrets in clear, no defaults. */
  readonly given: Configuration;
}

export interface InquiriesDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keyring: Keyring;
  readonly asked: Wake;
  readonly answered: Wake;
}

/** How long no worker may have been seen before a request is told that there is none. */
export const NO_WORKER_AFTER_MS = 30_000;
/** How long a worker that has just started has to take the inquiry up. */
const GRACE_MS = 2_000;
const LOOK_EVERY_MS = 500;
/** How quickly a worker that was woken says that it is there. */
const SEEN_WITHIN_MS = 50;
/** How long the inquiry of a process that died is kept. */
const KEPT_MS = 5 * 60_000;

export function createInquiries(deps: InquiriesDeps): Inquiries {
  const { db, clock, keyring } = deps;
  const ending = new AbortController();
  const startedAt = clock.now();

  /** Whether no worker has been seen for so long, as far as this process can know. */
  const noWorker = async (now: number): Promise<boolean> => {
    const seen = await lastWorkerSeen(db);
    return now - Math.max(startedAt, seen === null ? 0 : Date.parse(seen)) >= NO_WORKER_AFTER_MS;
  };

  /** A worker that is woken says at once that it is there. */
  const requireWorker = async (): Promise<void> => {
    const until = clock.now() + GRACE_MS;
    for (let asked = false; await noWorker(clock.now()); asked = true) {
      if (ending.signal.aborted || clock.now() >= until) throw nobodyAnswered();
      if (!asked) deps.asked.signal();
      await pause(clock, SEEN_WITHIN_MS, ending.signal);
    }
  };

  const waitFor: Inquiries['waitFor'] = async (look, maxMs) => {
    const until = clock.now() + maxMs;
    let woken = new AbortController();
    const stopListening = deps.answered.onSignal(() => woken.abort());
    try {
      deps.asked.signal();
      for (;;) {
        const found = await look();
        const leftMs = until - clock.now();
        if (found !== null || leftMs <= 0 || ending.signal.aborted) return found;
        await pause(clock, Math.min(leftMs, LOOK_EVERY_MS), AbortSignal.any([woken.signal, ending.signal]));
        woken = new AbortController();
      }
    } finally {
      stopListening();
    }
  };

  const ask = async <A extends Answer>(
    peerId: string,
    question: Question,
    secrets: SealedSecrets = {},
  ): Promise<A> => {
    const since = clock.now();
    let takenSince: number | null = null;
    const isInVain = async ({ takenAt }: Inquiry): Promise<boolean> => {
      const now = clock.now();
      if (takenAt !== null) {
        takenSince ??= now;
        return now - takenSince > VENDOR_WAIT_MAX_MS + GRACE_MS;
      }
      if (now - since >= NO_WORKER_AFTER_MS) return true;
      return now - since >= GRACE_MS && (await noWorker(now));
    };
    const times = { askedAt: isoTime(since), expiresAt: isoTime(since + KEPT_MS) };
    const id = await insertInquiry(db, { peerId, question, secrets, ...times });
    const look = async () => {
      const inquiry = await getInquiry(db, id);
      if (inquiry?.answer === null && !(await isInVain(inquiry))) return null;
      return { answer: (inquiry?.answer ?? null) as A | Failure | null };
    };
    try {
      const seen = await waitFor(look, KEPT_MS);
      return opened(seen?.answer ?? null);
    } finally {
      await deleteInquiry(db, id);
    }
  };

  return {
    check: ({ id }) => ask(id, { kind: 'check', trial: null }),
    checkTrial({ id, definition, given }) {
      const { configuration, secrets } = sealSecrets(keyring, definition, id, given);
      return ask(id, { kind: 'check', trial: { type: definition.type, configuration } }, secrets);
    },
    requireWorker,
    waitFor,
    read: ({ id }, subject, remoteId) => ask(id, { kind: 'read', subject, remoteId }),
    listGroups: ({ id }, wanted) => ask(id, { kind: 'groups', wanted }),
    end: () => ending.abort(),
  };
}

function nobodyAnswered(): RequestError {
  const detail = 'No worker was there to ask the vendor, and nothing was saved; try again.';
  return new RequestError(503, detail, [], { code: 'no_worker', retryAfterSeconds: NO_WORKER_SECONDS });
}

/** Answers the result. Throws a RequestError where there is none. */
function opened<A extends Answer>(answer: A | Failure | null): A {
  switch (answer?.outcome) {
    case undefined:
      throw nobodyAnswered();
    case 'gone':
      throw new RequestError(404, 'It is not here any more.');
    case 'failed':
      throw new Error('a worker failed on an inquiry; its log says why');
    default:
      return answer as A;
  }
}
