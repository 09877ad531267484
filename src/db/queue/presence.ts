/**
 * Whether a process that holds leases is still there. On PostgreSQL each process keeps a session open that holds an
 * advisory lock on its name. The operating system closes the session with the process, on whatever machine, and the
 * server then releases the lock. On SQLite all processes are on one machine, which knows its processes.
 */

import { Client } from 'pg';
import { newId } from '../../support/ids.ts';
import { isDeadProcess, processName } from '../../support/processes.ts';
import type { DatabaseLocation, Db } from '../open.ts';

export interface Presence {
  /** The name of this process in leases; it changes with each loss. Rejects where the database cannot be reached. */
  holder(): Promise<string>;
  /** True only where the process with that name is gone, or has been told that it counts as gone. */
  isGone(db: Db, holder: string): Promise<boolean>;
  /** Other processes may consider this one gone from now on, so its work under its leases must end. */
  onLost(listener: () => void): void;
  end(): Promise<void>;
}

export function createPresence({ dialect, target }: DatabaseLocation): Presence {
  return dialect === 'sqlite' ? processPresence() : sessionPresence(target);
}

function processPresence(): Presence {
  const name = processName();
  return {
    holder: async () => name,
    isGone: async (_db, holder) => isDeadProcess(holder),
    onLost: () => {},
    end: async () => {},
  };
}

const PREFIX = 'session ';
/** A session that does not answer for so long counts as lost. */
const ANSWER_WITHIN_MS = 5_000;
/**
 * How often the session is used: poolers and routers drop idle sessions without a word, and a lost one must be
 * noticed.
 */
const HEARTBEAT_MS = 3_000;

/** An advisory lock with a key of 64 bits, as pg_locks shows it. */
const lockOf = (name: '?' | '$1') => `
  select 1 from pg_locks
  where locktype = 'advisory' and granted and objsubid = 1
    and database = (select oid from pg_database where datname = current_database())
    and ((classid::bigint << 32) | objid::bigint) = hashtextextended(${name}, 0)`;

function sessionPresence(url: string): Presence {
  let onLost = () => {};
  let session: Promise<Session> | null = null;
  /** Earlier names of this process, whose sessions may linger at a server that does not know of the loss. */
  const former = new Set<string>();

  const open = (): Promise<Session> => {
    const opening = openSession(url, (name) => {
      former.add(name);
      if (session !== opening) return;
      session = null;
      onLost();
    });
    opening.catch(() => {
      if (session === opening) session = null;
    });
    return opening;
  };
  return {
    async holder() {
      session ??= open();
      return (await session).name;
    },
    async isGone(db, holder) {
      if (former.has(holder)) return true;
      if (!holder.startsWith(PREFIX)) return false;
      const { rows } = (await db.raw(lockOf('?'), [holder])) as { rows: unknown[] };
      return rows.length === 0;
    },
    onLost(listener) {
      onLost = listener;
    },
    async end() {
      const last = session;
      session = null;
      await (await last?.catch(() => null))?.end();
    },
  };
}

interface Session {
  readonly name: string;
  end(): Promise<void>;
}

async function openSession(url: string, onLost: (name: string) => void): Promise<Session> {
  const name = `${PREFIX}${newId()}`;
  const client = new Client({
    connectionString: url,
    application_name: 'scim-bridge presence',
    keepAlive: true,
    connectionTimeoutMillis: ANSWER_WITHIN_MS,
    query_timeout: ANSWER_WITHIN_MS,
  });
  let heartbeat: NodeJS.Timeout | undefined;
  let over = false;
  const lose = () => {
    if (over) return;
    over = true;
    clearInterval(heartbeat);
    client.end().catch(() => {});
    onLost(name);
  };
  client.once('end', lose);
  client.on('error', lose);
  const beat = () => client.query(lockOf('$1'), [name]).then(({ rows }) => rows.length === 0 && lose(), lose);
  try {
    await client.connect();
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [name]);
  } catch (error) {
    lose();
    throw error;
  }
  heartbeat = setInterval(beat, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    name,
    async end() {
      over = true;
      clearInterval(heartbeat);
      await client.end();
    },
  };
}
