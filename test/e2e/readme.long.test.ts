/** The README, followed by somebody who pastes: from the first start to a leaver on the emulated Slack and GitLab. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { bridgeDirectory, forgetBridges, PROJECT, startBridge } from './process.ts';

const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
/** A person pastes in the folder of the repository; here the first start's file is elsewhere, and `npx` finds no command. */
const NPX = `npx() { node "${PROJECT}/bin/$1.cjs" "\${@:2}"; }`;
let emulators: ChildProcess | undefined;

afterAll(async () => {
  emulators?.kill('SIGTERM');
  await forgetBridges();
});

/** What `npm run emulators` prints, once it has printed all of it. */
async function startEmulators(): Promise<string> {
  emulators = spawn(process.execPath, [join(PROJECT, 'demo/emulators.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  for await (const text of emulators.stdout as AsyncIterable<Buffer>) {
    printed += text;
    if (printed.includes('Ctrl+C')) return printed;
  }
  throw new Error(`the emulators ended: ${printed}`);
}

/** The blocks of the README from the first look on, but those that start something and stay. */
function blocksToPaste(): readonly string[] {
  const [, section = ''] = readFileSync(join(PROJECT, 'README.md'), 'utf8').split('\n### A first look');
  const [walk = ''] = section.split('\n## ', 1);
  return [...walk.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
    .map(([, block = '']) => block)
    .filter((block) => !block.startsWith('npm run '));
}

it('comes from the first start to a leaver by pasting', async () => {
  const directory = bridgeDirectory();
  await startBridge({ directory });
  const blocks = blocksToPaste();
  expect(blocks.length).toBeGreaterThan(5);
  const script = [NPX, await startEmulators(), ...blocks].join('\n');
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    cwd: directory,
    env: { PATH },
  });
  expect(stderr).toBe('');
  // Of each preview, the people in it; of Slack after its sync, and of the leaver.
  expect(stdout.match(/create: 1,\s+adopt: \d,/g)).toHaveLength(2);
  expect(stdout).toMatch(/^SYNCED$/m);
  expect(stdout).toMatch(/false\nblocked\n\[ 'disabled', 'disabled', 'disabled' \]$/m);
  expect(stdout).toMatch(/^lin@example.com has no access to Emulated GitLab: default deactivated/m);
});
