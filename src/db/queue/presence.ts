/**
 * Whether a process that holds leases is still there. On PostgreSQL each process keeps one session open that
 * holds an advisory lock on its name: the operating system closes it with the process, and the server then
 * lets go of the lock, on whatever machine the process was. On SQLite all processes are of one machine,
 * which knows by itself.
 */

import { Client } from 'pg';
import { newId } from '../../support/ids.ts';
import { isDeadProcess, processName } from '../../support/processes.ts';
import type { DatabaseLocation, Db } from '../open.ts';

export interface Presence {
  /** Names this process in leases; another name after each loss. Rejects where the database cannot be reached. */
  holder(): Promise<string>;
  /** True only where the process of that name is gone, or has been told that it counts as gone. */
  isGone(db: Db, holder: string): Promise<boolean>;
  /** Others may take this process for gone from now on: what it does under its leases has to end. */
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
/** Poolers and routers drop sessions without a word; also keeps this one from being idle. */
const HEARTBEAT_MS = 3_000;

/** As pg_locks shows an advisory lock with a key of 64 bits. */
const lockOf = (name: '?' | '$1') => `
  select 1 from pg_locks
  where locktype = 'advisory' and granted and objsubid = 1
    and database = (select oid from pg_database where datname = current_database())
    and ((classid::bigint << 32) | objid::bigint) = hashtextextended(${name}, 0)`;

function sessionPresence(url: string): Presence {
  let onLost = () => {};
  let session: Promise<Session> | null = null;
  /** Our own earlier names, whose sessions may linger at a server that does not know of the loss. */
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
