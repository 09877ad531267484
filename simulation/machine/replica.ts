/** One process of the bridge, composed as in the product, but with simulated time, network and death. */

import { randomBytes } from 'node:crypto';
import { type Bridge, type BridgeDeps, compose } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/support/log.ts';
import { createMetrics } from '../../src/support/metrics.ts';
import { parseKeyring } from '../../src/support/secret.ts';
import type { Random } from '../random.ts';
import { ask, type Question, type Reply } from './ask.ts';
import type { Access } from './database.ts';
import type { Process, Scheduler } from './scheduler.ts';

export const ADMIN_TOKEN = randomBytes(32).toString('hex');

/** The file is never opened: the simulation brings its own database. */
const { config, mistakes } = readConfig({
  ADMIN_TOKEN,
  DATABASE_URL: 'sqlite:simulated.db',
  PUBLIC_URL: 'http://bridge.simulated',
  LOG_LEVEL: 'debug',
});

const metrics = createMetrics();
const keyring = parseKeyring(randomBytes(32).toString('base64'));

/** Far less often than in the product, because it is expensive here. */
const HOUSEKEEPING_MS = [1_200_000, 7_200_000] as const;

export interface ReplicaDeps {
  readonly process: Process;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly access: Access;
  readonly fetch: NonNullable<BridgeDeps['fetch']>;
  /** Whether the process of that name is known to be dead. */
  isGone(db: unknown, name: string): Promise<boolean>;
  /** A line of its log. */
  onLine(line: LogLine): void;
}

export interface LogLine {
  readonly msg: string;
  readonly storeId?: string;
  readonly subject?: { readonly kind: 'user' | 'group'; readonly id: string };
  readonly err?: LoggedError;
  readonly error?: LoggedError;
}

interface LoggedError {
  readonly name?: string;
  readonly message?: string;
  readonly stack?: string;
}

/** The process died while it worked on the request: nobody knows whether it was carried out. */
export class ConnectionReset extends Error {}

export class Replica {
  readonly process: Process;
  readonly #deps: ReplicaDeps;
  readonly #bridge: Bridge;
  readonly #underWay = new Set<(error: ConnectionReset) => void>();

  constructor(deps: ReplicaDeps) {
    const { process, scheduler, access } = deps;
    this.#deps = deps;
    this.process = process;
    access.onAcquire = () => scheduler.point(process);
    if (config === null) throw new Error(mistakes.join('; '));
    this.#bridge = compose({
      config,
      db: access.db,
      keyring,
      clock: scheduler.clockOf(process),
      log: createLog('debug', { write: (line: string) => deps.onLine(JSON.parse(line)) }),
      fetch: deps.fetch,
      metrics,
      presence: {
        holder: async () => process.name,
        isGone: deps.isGone,
        onLost: () => {},
        end: async () => {},
      },
    });
  }

  start(): void {
    const { process, scheduler } = this.#deps;
    scheduler.spawn(process, async () => {
      this.#bridge.worker.start();
      await this.#keepHouse();
    });
  }

  async #keepHouse(): Promise<void> {
    const { process, scheduler, random } = this.#deps;
    for (;;) {
      await scheduler.sleep(process, random.int(...HOUSEKEEPING_MS));
      await this.#bridge.housekeeping.turn();
    }
  }

  /** Throws ConnectionReset if the process dies meanwhile. */
  ask(question: Question): Promise<Reply> {
    this.#deps.scheduler.happens(this.process);
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject);
      ask(this.#bridge.app, question)
        .then(resolve, reject)
        .finally(() => this.#underWay.delete(reject));
    });
  }

  /** What it had in memory is lost. */
  died(): void {
    for (const reset of this.#underWay) reset(new ConnectionReset());
  }
}
