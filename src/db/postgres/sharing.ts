/** Sessions of the pool, in each of which several quick reads are asked at once. */

/** The part of knex's client that is used here. */
export interface Sessions {
  acquireConnection(): Promise<unknown>;
  releaseConnection(session: unknown): Promise<unknown>;
}

/** How many reads may stand in line in one session. */
const READS_MAX = 16;
/** Whoever joins a session that has fallen silent puts off its end, so nobody joins for longer. */
const OPEN_MS = 100;

interface Shared {
  readonly session: Promise<unknown>;
  readonly since: number;
  reads: number;
}

/** Reads join the open session. What they ask in one turn of the event loop goes out in one packet. */
export class SharedSession {
  readonly #pool: Sessions;
  #open: Shared | null = null;

  constructor(pool: Sessions) {
    this.#pool = pool;
  }

  async ask<T>(read: (session: never) => PromiseLike<T>): Promise<T> {
    const shared = this.#join();
    try {
      return await read((await shared.session) as never);
    } catch (error) {
      // The session may be broken, and the pool finds out once it has it back.
      this.#close(shared);
      throw error;
    } finally {
      shared.reads -= 1;
      if (shared.reads === 0) {
        this.#close(shared);
        await shared.session.then(
          (session) => this.#pool.releaseConnection(session),
          // Each of its reads has failed with this.
          () => {},
        );
      }
    }
  }

  /** The next read takes another session. */
  end(): void {
    this.#open = null;
  }

  #join(): Shared {
    const now = performance.now();
    const open = this.#open;
    const shared =
      open !== null && open.reads < READS_MAX && now - open.since < OPEN_MS
        ? open
        : { session: this.#pool.acquireConnection(), since: now, reads: 0 };
    shared.reads += 1;
    this.#open = shared;
    return shared;
  }

  #close(shared: Shared): void {
    if (this.#open === shared) this.#open = null;
  }
}
