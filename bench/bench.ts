/** What every measurement starts from: a bridge in this process on a fresh embedded database, and emulated vendors. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningBridge, startBridge } from '../test/bridge.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../test/emulator/gitlab.ts';
import { type SlackEmulator, startSlackEmulator } from '../test/emulator/slack.ts';
import { addStores } from '../test/fault/world.ts';

export interface Sizes {
  readonly groupMembers: number;
  readonly users: number;
  readonly syncPeople: number;
}

export interface Stage {
  readonly bridge: RunningBridge;
  readonly slack: SlackEmulator;
  readonly gitlab: GitLabEmulator;
  /** Ids of the stores, empty strings without stores. */
  readonly stores: Readonly<Record<'slack' | 'gitlab', string>>;
}

export async function onStage<T>(withStores: boolean, measure: (stage: Stage) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-bench-'));
  const bridge = await startBridge(`sqlite:${join(directory, 'bench.db')}`);
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
