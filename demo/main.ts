/**
 * `npm run demo`: the product on this machine alone. Starts the real bridge on a temporary database and
 * the vendors' emulators on loopback, plays a story, and leaves nothing behind, however it ends.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBridge } from './bridge.ts';
import { closing, opening } from './frame.ts';
import { type Stage, settled } from './scene.ts';
import { addStore, startTargets } from './stores.ts';
import { playStory } from './story.ts';
import { createPaint } from './table.ts';

const INTERRUPTED = 130;

const stays = process.stdout.isTTY === true;
const paint = createPaint(stays && !process.env.NO_COLOR);
const print = (line: string) => process.stdout.write(`${line}\n`);
const interruption = new AbortController();
const { signal } = interruption;
/** Newest first. */
const undo: (() => Promise<void>)[] = [];

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interruption.abort());
// Nobody reads any more, as below `npm run demo | head`.
process.stdout.on('error', () => interruption.abort());

await main();

async function main(): Promise<void> {
  try {
    await show();
  } catch (error) {
    process.exitCode = signal.aborted ? INTERRUPTED : 1;
    if (!signal.aborted) process.stderr.write(`The demo stopped: ${sentence(error)}\n`);
  } finally {
    await cleanUp();
  }
}

async function show(): Promise<void> {
  const startedMs = performance.now();
  const directory = makeDirectory();
  const child = await startBridge({ directory, path: process.env.PATH ?? '', signal });
  process.once('exit', child.kill);
  undo.unshift(child.stop);
  const targets = await startTargets((target) => undo.unshift(target.close));
  const bridge = await child.ready();
  for (const line of opening(bridge, targets, paint)) print(line);
  const stores = [];
  for (const target of targets) stores.push(await addStore(bridge, target));
  const stage: Stage = { bridge, stores, paint, print, played: [] };
  await settled(stage);
  await playStory(stage);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  for (const line of await closing(stage, { seconds, stays })) print(line);
  if (!stays) return;
  await Promise.race([child.exited, interrupted()]);
  if (!signal.aborted) throw new Error('The bridge has stopped by itself.');
}

function makeDirectory(): string {
  const directory = makeTemporary();
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  undo.push(async () => remove());
  return directory;
}

function makeTemporary(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'scim-bridge-demo-'));
  } catch (error) {
    const words = `${(error as NodeJS.ErrnoException).code}: set TMPDIR to one that can`;
    throw new Error(`The temporary folder ${tmpdir()} cannot be written (${words}).`, { cause: error });
  }
}

function interrupted(): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((done) => signal.addEventListener('abort', () => done(), { once: true }));
}

async function cleanUp(): Promise<void> {
  for (const step of undo) {
    try {
      await step();
    } catch (error) {
      process.exitCode = 1;
      process.stderr.write(`The demo could not clean up: ${sentence(error)}\n`);
    }
  }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
