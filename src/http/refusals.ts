/**
 * Counts refused callers by address and minute, for the audit log. The log has a line for each refusal, except for
 * floods, which get one line a minute.
 */

import type { Knex } from 'knex';
import { appendEvent } from '../db/events.ts';
import { DEFAULT_ENVIRONMENT_ID } from '../db/identity/environments.ts';
import { type Actor, SYSTEM } from '../model/cause.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import type { Log } from '../support/log.ts';

export interface Refusal {
  readonly address: string;
  readonly status: number;
  readonly endpoint: keyof typeof ENDPOINTS;
  /** Null where the token was unknown, or is bound to no environment. */
  readonly environmentId: string | null;
  /** Null where the token was unknown. */
  readonly actor: Actor | null;
}

export interface Refusals {
  note(refusal: Refusal): void;
  /** Writes down what was counted. */
  end(): Promise<void>;
}

export interface RefusalsDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly log: Log;
}

const ENDPOINTS = {
  scim: 'the SCIM endpoint',
  admin: 'the admin API',
  other: 'paths that need no token',
} as const;

const COUNTED_MS = 60_000;
/** Different addresses in a minute; beyond this number they are counted together. */
const TOLD_APART_MAX = 100;
const OTHERS = 'others';

export function createRefusals({ db, clock, log }: RefusalsDeps): Refusals {
  const counts = new Map<string, { readonly refusal: Refusal; count: number }>();
  const stopping = new AbortController();
  let counting: Promise<void> | null = null;

  const writeDown = async (): Promise<void> => {
    const counted = [...counts.values()];
    counts.clear();
    if (counted.length === 0) return;
    const at = isoTime(clock.now());
    try {
      await db.transaction(async (tx) => {
        for (const { refusal, count } of counted) await appendEvent(tx, at, eventOf(refusal, count));
      });
    } catch (error) {
      const refused = counted.map(({ refusal: { address, status }, count }) => ({ address, status, count }));
      log.warn({ err: error, refused }, 'refusals could not be written to the audit log');
    }
  };
  const minute = async (): Promise<void> => {
    await clock.sleep(COUNTED_MS, stopping.signal).catch(() => {});
    counting = null;
    await writeDown();
  };
  return {
    note(refusal) {
      const { address, status, endpoint, environmentId, actor } = refusal;
      const key = [address, status, endpoint, environmentId, actor?.id].join(' ');
      const isNew = !counts.has(key) && counts.size >= TOLD_APART_MAX;
      const counted = isNew ? { ...refusal, address: OTHERS, actor: null } : refusal;
      const kept = isNew ? [OTHERS, status, endpoint, environmentId].join(' ') : key;
      const entry = counts.get(kept) ?? { refusal: counted, count: 0 };
      entry.count += 1;
      counts.set(kept, entry);
      if (!stopping.signal.aborted) counting ??= minute();
    },
    async end() {
      stopping.abort();
      await counting;
    },
  };
}

function eventOf({ address, status, endpoint, environmentId, actor }: Refusal, count: number) {
  const requests = count === 1 ? 'One request' : `${count} requests`;
  return {
    environmentId: environmentId ?? DEFAULT_ENVIRONMENT_ID,
    cause: { correlationId: newId(), actor: actor ?? SYSTEM },
    kind: 'access.refused' as const,
    outcome: 'failure' as const,
    reason: `${requests} of ${address} to ${ENDPOINTS[endpoint]} within a minute: ${status}.`,
    after: { address, endpoint, status, count },
  };
}
