/**
 * Tells listeners at once that something was committed: in this process by a call, in others by PostgreSQL's NOTIFY.
 * A message can get lost, so listeners also look from time to time.
 */

import { Client } from 'pg';
import { newId } from '../../support/ids.ts';
import type { Log } from '../../support/log.ts';
import { asNobodysWork } from '../../support/turns.ts';
import type { DatabaseLocation } from '../open.ts';

export interface Wake {
  /** Call after commit, never before. */
  signal(): void;
  /** Calls the listener, also when a message may have been missed. Answers how to stop listening. */
  onSignal(listener: () => void): () => void;
}

export interface Wakes {
  /** Work for a peer is due. */
  readonly work: Wake;
  /** A request waits for something that only a worker may ask a vendor. */
  readonly asked: Wake;
  /** A worker has answered a request. */
  readonly answered: Wake;
  end(): Promise<void>;
}

const TOPICS = ['work', 'asked', 'answered'] as const;
type Topic = (typeof TOPICS)[number];

export function createWakes(location: DatabaseLocation, log: Log): Wakes {
  const listeners = { work: new Set<Listener>(), asked: new Set<Listener>(), answered: new Set<Listener>() };
  const tellHere = (topic: Topic) => {
    for (const listener of listeners[topic]) asNobodysWork(listener);
  };
  const others =
    location.dialect === 'postgres'
      ? new Others(location.target, log, tellHere)
      : { tell() {}, listen() {}, async end() {} };
  const wake = (topic: Topic): Wake => ({
    signal() {
      tellHere(topic);
      others.tell(topic);
    },
    onSignal(listener) {
      const own = () => listener();
      listeners[topic].add(own);
      others.listen();
      return () => void listeners[topic].delete(own);
    },
  });
  return { work: wake('work'), asked: wake('asked'), answered: wake('answered'), end: () => others.end() };
}

type Listener = () => void;

const CHANNEL = 'scim_bridge';
const RECONNECT_MS = 1_000;
/** A session that does not answer for so long counts as lost. */
const ANSWER_WITHIN_MS = 5_000;

/**
 * The other processes on the same PostgreSQL. It uses a session of its own, because a pool's sessions hear nothing.
 */
class Others {
  readonly #url: string;
  readonly #log: Log;
  readonly #hear: (topic: Topic) => void;
  /** The sender's name, because a sender hears its own messages. */
  readonly #name = newId();
  readonly #toTell = new Set<Topic>();
  #session: Promise<Client> | null = null;
  #reconnect: NodeJS.Timeout | undefined;
  #telling = false;
  #ended = false;

  constructor(url: string, log: Log, hear: (topic: Topic) => void) {
    this.#url = url;
    this.#log = log;
    this.#hear = hear;
  }

  /** Sends a signal. While a message is on its way, further signals fold into one. */
  tell(topic: Topic): void {
    this.#toTell.add(topic);
    void this.#tellAll();
  }

  listen(): void {
    this.#connected().catch(() => {});
  }

  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#reconnect);
    const client = await this.#session?.catch(() => null);
    await client?.end();
  }

  async #tellAll(): Promise<void> {
    if (this.#telling || this.#ended) return;
    this.#telling = true;
    try {
      const client = await this.#connected();
      while (this.#toTell.size > 0 && !this.#ended) {
        const topics = [...this.#toTell];
        this.#toTell.clear();
        await client.query("select pg_notify($1, topic || ' ' || $2) from unnest($3::text[]) topic", [
          CHANNEL,
          this.#name,
          topics,
        ]);
      }
    } catch (error) {
      // Listeners look from time to time anyway, so a lost message delays them only a little.
      this.#toTell.clear();
      this.#log.debug({ err: error }, 'could not wake the other processes');
    } finally {
      this.#telling = false;
    }
  }

  #connected(): Promise<Client> {
    this.#session ??= this.#connect();
    return this.#session;
  }

  async #connect(): Promise<Client> {
    const client = new Client({
      connectionString: this.#url,
      application_name: 'scim-bridge wake',
      keepAlive: true,
      connectionTimeoutMillis: ANSWER_WITHIN_MS,
      query_timeout: ANSWER_WITHIN_MS,
    });
    let lost = false;
    // A dropped session reports it up to three times: as two errors and its end.
    const lose = () => {
      if (lost) return;
      lost = true;
      client.end().catch(() => {});
      this.#session = null;
      this.#connectAgain();
    };
    client.on('error', lose);
    client.once('end', lose);
    client.on('notification', ({ payload }) => {
      const [said, by] = (payload ?? '').split(' ');
      const topic = TOPICS.find((known) => known === said);
      if (topic && by !== this.#name) this.#hear(topic);
    });
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
    } catch (error) {
      lose();
      throw error;
    }
    for (const topic of TOPICS) this.#hear(topic);
    return client;
  }

  #connectAgain(): void {
    if (this.#ended) return;
    clearTimeout(this.#reconnect);
    this.#reconnect = setTimeout(() => this.listen(), RECONNECT_MS);
    this.#reconnect.unref();
  }
}
