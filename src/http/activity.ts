/**
 * Notes what identity providers request: when last, how far their setup has come, and what the bridge refused. It
 * collects this in memory and writes it down a few times a minute: no request waits for it or fails because of it.
 */

import type { Knex } from 'knex';
import {
  type Activity,
  REFUSALS_KEPT_MAX,
  type RefusedRequest,
  type SetupStep,
  saveActivity,
} from '../db/access/connectionActivity.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import type { Log } from '../support/log.ts';

/** One answered SCIM request of a known connection. */
export interface ScimRequest {
  readonly connectionId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** For a refusal. */
  readonly detail: string;
  /** The request left a user inactive. */
  readonly leaves: boolean;
}

export interface ConnectionActivity {
  note(request: ScimRequest): void;
  /** Writes down what was collected so far. */
  writeDown(): Promise<void>;
  /** The same, for the last time. */
  end(): Promise<void>;
}

const WRITTEN_EVERY_MS = 5_000;
const DETAIL_CHARACTERS_MAX = 500;
const PATH_CHARACTERS_MAX = 300;

interface Gathered {
  lastRequestAt: string;
  readonly seenAt: Partial<Record<SetupStep, string>>;
  /** The newest first. */
  refusals: RefusedRequest[];
}

export function createActivity({
  db,
  clock,
  log,
}: {
  readonly db: Knex;
  readonly clock: Clock;
  readonly log: Log;
}): ConnectionActivity {
  let gathered = new Map<string, Gathered>();
  /** Steps that are written down already, as `connection step`: most requests add none. */
  const told = new Set<string>();
  const stopping = new AbortController();
  let waiting: Promise<void> | null = null;
  let writing = Promise.resolve();

  const write = async (): Promise<void> => {
    const mine = gathered;
    gathered = new Map();
    if (mine.size === 0) return;
    try {
      await db.transaction(async (tx) => {
        for (const [id, activity] of mine) await saveActivity(tx, id, activity satisfies Activity);
      });
      for (const [id, { seenAt }] of mine) for (const step of Object.keys(seenAt)) told.add(`${id} ${step}`);
    } catch (error) {
      log.warn({ err: error }, 'what identity providers asked lately could not be written down');
    }
  };
  const writeDown = (): Promise<void> => {
    writing = writing.then(write);
    return writing;
  };
  const later = async (): Promise<void> => {
    await clock.sleep(WRITTEN_EVERY_MS, stopping.signal).catch(() => {});
    waiting = null;
    await writeDown();
  };
  return {
    note(request) {
      const { connectionId, method, status } = request;
      const at = isoTime(clock.now());
      const entry = gathered.get(connectionId) ?? { lastRequestAt: at, seenAt: {}, refusals: [] };
      entry.lastRequestAt = at;
      for (const step of stepsOf(request))
        if (!told.has(`${connectionId} ${step}`)) entry.seenAt[step] ??= at;
      if (status >= 400) {
        const path = request.path.slice(0, PATH_CHARACTERS_MAX);
        const detail = request.detail.slice(0, DETAIL_CHARACTERS_MAX);
        entry.refusals = [{ at, method, path, status, detail }, ...entry.refusals].slice(
          0,
          REFUSALS_KEPT_MAX,
        );
      }
      gathered.set(connectionId, entry);
      if (!stopping.signal.aborted) waiting ??= later();
    },
    writeDown,
    async end() {
      stopping.abort();
      await waiting;
      await writeDown();
    },
  };
}

function stepsOf({ method, path, status, leaves }: ScimRequest): readonly SetupStep[] {
  const steps: SetupStep[] = ['tokenUsed'];
  if (status >= 400) return steps;
  const [, , , endpoint = '', id = ''] = path.split('/');
  const isRead = method === 'GET' || method === 'HEAD' || path.endsWith('/.search');
  if (isRead) return [...steps, 'connectionTest'];
  if (endpoint === 'Users' && id === '' && method === 'POST') steps.push('firstUser');
  if (endpoint === 'Groups' && id === '' && method === 'POST') steps.push('firstGroup');
  if (endpoint === 'Users' && (method === 'PUT' || method === 'PATCH')) steps.push('firstUpdate');
  if (leaves || (endpoint === 'Users' && method === 'DELETE')) steps.push('firstLeaver');
  return steps;
}
