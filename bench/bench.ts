/** The start of every measurement: a bridge in this process on a fresh database, and emulated vendors. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dialect } from '../src/db/open.ts';
import { type RunningBridge, startBridge } from '../test/bridge.ts';
import { DRIVER, freshDatabaseUrl } from '../test/database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../test/emulator/gitlab.ts';
import { type SlackEmulator, startSlackEmulator } from '../test/emulator/slack.ts';
import { addStores } from '../test/fault/world.ts';
import startPostgres, { stopPostgres } from '../test/postgres.ts';
import type { Row } from './figures.ts';

export interface Sizes {
  readonly groupMembers: number;
  readonly users: number;
  readonly events: number;
  readonly syncPeople: number;
  readonly memoryPeople: number;
  readonly people: number;
  readonly pulledPeople: number;
  readonly sourcePeople: number;
}

export interface Stage {
  readonly bridge: RunningBridge;
  readonly slack: SlackEmulator;
  readonly gitlab: GitLabEmulator;
  /** Ids of the stores; empty strings where there are none. */
  readonly stores: Readonly<Record<'slack' | 'gitlab', string>>;
}

/** Uses PostgreSQL only within `withPostgres`. */
export async function onStage<T>(
  withStores: boolean,
  measure: (stage: Stage) => Promise<T>,
  dialect: Dialect = 'sqlite',
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-bench-'));
  const bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
  const slack = await startSlackEmulator();
  const gitlab = await startGitLabEmulator();
  try {
    const stores = withStores ? await addStores(bridge.admin, slack, gitlab) : { slack: '', gitlab: '' };
    await bridge.settled();
    return await measure({ bridge, slack, gitlab, stores });
  } finally {
    await bridge.stop();
    await slack.close();
    await gitlab.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Measures on SQLite and on PostgreSQL; only on SQLite where TEST_DRIVER names a driver of it. */
export async function onBoth(
  measure: (dialect: Dialect) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const embedded = await measure('sqlite');
  return DRIVER ? embedded : [...embedded, ...(await withPostgres(() => measure('postgres')))];
}

/** Runs a PostgreSQL server while `measure` runs. */
async function withPostgres<T>(measure: () => Promise<T>): Promise<T> {
  await startPostgres();
  try {
    return await measure();
  } finally {
    await stopPostgres();
  }
}
