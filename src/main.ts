/**
 * The process: it alone reads the environment. It starts the bridge and stops it on a signal. A failed start prints
 * one sentence for each mistake to stderr and exits with 1.
 */

import type { Knex } from 'knex';
import { prepare } from './boot/prepare.ts';
import { type Bridge, compose } from './compose.ts';
import { type Config, readConfig } from './config.ts';
import { type Listening, listen } from './http/server.ts';
import { systemClock } from './support/clock.ts';
import { createLog, scrub } from './support/log.ts';

/** Container platforms kill a process after 10 s. */
const STOP_DEADLINE_MS = 9_000;

const { config, mistakes } = readConfig(process.env);
if (config === null) failStart(mistakes);
const log = createLog(config.logLevel);
process.on('uncaughtException', (error) => die(error, 'an exception was not caught'));
process.on('unhandledRejection', (error) => die(error, 'a rejection was not handled'));
start(config).catch((error: unknown) => {
  // A plain Error is a failure that the start foresees, with a sentence for people; anything else is a fault of the
  // bridge.
  const foreseen = error instanceof Error && error.name === 'Error';
  log[foreseen ? 'debug' : 'fatal']({ error }, 'the start failed');
  failStart([scrub(error instanceof Error ? error.message : String(error))]);
});

async function start(config: Config): Promise<void> {
  const clock = systemClock;
  const terminal = process.stdout.isTTY ? (text: string) => process.stdout.write(text) : null;
  const opened = await prepare({ config, clock, log, terminal });
  const bridge = compose({ config, ...opened, clock, log });
  await bridge.sealAnew();
  const { host, port, metricsPort } = config;
  const servers = [await listen(bridge.app, { host, port, log })];
  if (metricsPort !== null) {
    servers.push(await listen(bridge.metricsApp, { host, port: metricsPort, portName: 'METRICS_PORT', log }));
  }
  if (config.role !== 'api') {
    bridge.worker.start();
    bridge.housekeeping.start();
  }
  const { role, publicUrl: url, database } = config;
  log.info({ role, url, database: database.dialect }, 'scim-bridge is up');
  stopOnSignal(bridge, servers, opened.db);
}

function stopOnSignal(bridge: Bridge, servers: readonly Listening[], db: Knex): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    // The terminal sends Ctrl-C to every process, and npm passes it on a second time.
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.error(`not everything in hand was finished within ${STOP_DEADLINE_MS} ms`);
      process.exit(1);
    }, STOP_DEADLINE_MS).unref();
    stop(bridge, servers, db).then(
      () => process.exit(0),
      (error: unknown) => die(error, 'the stop failed'),
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/**
 * Answers the open requests, lets workers finish the changes under way and release their leases, then closes the
 * database.
 */
async function stop(bridge: Bridge, servers: readonly Listening[], db: Knex): Promise<void> {
  await Promise.all([...servers.map((server) => server.close()), bridge.stop()]);
  await db.destroy();
  log.info('stopped');
}

function failStart(sentences: readonly string[]): never {
  for (const sentence of sentences) process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function die(error: unknown, message: string): never {
  log.fatal({ error }, message);
  process.exit(1);
}
