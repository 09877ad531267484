/**
 * Up to which event the audit log is settled, so that no earlier event can still appear. SQLite commits in the order
 * of the ids. On PostgreSQL, a transaction that takes an id holds a lock until its end (migration 0055).
 */

import { type Db, dialectOf } from '../open.ts';

export interface Horizon {
  /** The id of an event, as text. It never goes back; while somebody writes, it may be a moment behind. */
  settledUpTo(): Promise<string>;
}

/** The class of the lock that migration 0055 makes writers take. */
const CLASS_ID = 5501;
/** Longer than any transaction of the bridge (`db/open.ts`). */
const WAITED_FOR_MS = 20_000;

interface Candidate {
  readonly upTo: string;
  /** The transactions that were writing when it was read, or after. */
  readonly writers: ReadonlySet<string>;
  readonly readAtMs: number;
}

export function createHorizon(db: Db, monotonicMs: () => number): Horizon {
  if (dialectOf(db) === 'sqlite') return { settledUpTo: () => lastEvent(db) };
  let settled = '0';
  let candidate: Candidate | null = null;
  let asking: Promise<string> | null = null;

  const ask = async (): Promise<string> => {
    const upTo = await lastNumber(db);
    const writers = await writersNow(db);
    const now = monotonicMs();
    if (writers.size === 0) {
      candidate = null;
      settled = upTo;
      return settled;
    }
    const known = candidate;
    const isOver =
      known !== null &&
      (now - known.readAtMs > WAITED_FOR_MS || ![...known.writers].some((writer) => writers.has(writer)));
    if (isOver) settled = known.upTo;
    if (!known || isOver) candidate = { upTo, writers, readAtMs: now };
    return settled;
  };
  return {
    settledUpTo() {
      asking ??= ask().finally(() => {
        asking = null;
      });
      return asking;
    },
  };
}

async function lastEvent(db: Db): Promise<string> {
  const row = await db('events').max({ id: 'id' }).first();
  return String(row?.id ?? 0);
}

/** The last id that was given out, whether its transaction has ended or not. */
async function lastNumber(db: Db): Promise<string> {
  const { rows } = (await db.raw('select last_value from events_id_seq')) as {
    rows: { last_value: string }[];
  };
  return String(rows[0]?.last_value ?? 0);
}

async function writersNow(db: Db): Promise<ReadonlySet<string>> {
  const { rows } = (await db.raw(
    `select virtualtransaction as writer from pg_locks
     where locktype = 'advisory' and classid = ? and objsubid = 2 and granted
       and database = (select oid from pg_database where datname = current_database())`,
    [CLASS_ID],
  )) as { rows: { writer: string }[] };
  return new Set(rows.map(({ writer }) => writer));
}
