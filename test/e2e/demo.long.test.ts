/** `npm run demo`, as a newcomer runs it: the story happens, and nothing is left behind however it ends. */

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bridgeDirectory, forgetBridges, PROJECT } from './process.ts';

const DEMO_MAX_MS = 120_000;
const COLUMNS_MAX = 100;

afterAll(forgetBridges);

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `onOutput` may end it early. */
function runDemo(
  command: readonly [string, ...string[]],
  temporary: string,
  onOutput: (stdout: string, interrupt: () => void) => void = () => {},
): Promise<Run> {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEMO_MAX_MS,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? temporary,
      TMPDIR: temporary,
      npm_config_loglevel: 'silent',
    },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    onOutput(stdout, () => child.kill('SIGINT'));
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ code, stdout, stderr }));
  });
}

const NODE = [process.execPath, join(PROJECT, 'demo/main.ts')] as const;

/** npm and Node keep files of their own there. */
const leftIn = (temporary: string) => readdirSync(temporary).filter((name) => name.startsWith('scim-bridge'));

/** The bridge's child process is gone where its address refuses. */
async function expectBridgeGone(stdout: string): Promise<void> {
  const url = /Bridge +(http:\S+?),/.exec(stdout)?.[1] ?? '';
  expect(url).not.toBe('');
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
}

it(
  'plays the whole story, stops everything and exits with 0',
  async () => {
    const temporary = bridgeDirectory();
    const { code, stdout, stderr } = await runDemo(['npm', 'run', 'demo'], temporary);
    expect(stderr).toBe('');
    expect(code).toBe(0);

    const scenes = stdout.split(/^ ?\d+ {2}/m).slice(1);
    expect(scenes).toHaveLength(10);
    const [onboarding, groups, title, move, leaver, rehire, , brake, decision, repair] = scenes;
    expect(onboarding).toMatch(/Slack {2}create +Ada +POST +\/scim\/v2\/Users +201 +(<|\d)/);
    expect(onboarding).toMatch(/adopt +Grace +POST +\/api\/users\.info +200/);
    expect(onboarding).toMatch(/GitLab create +Ada +POST +\/api\/v4\/users +201/);
    expect(onboarding?.match(/now +enabled: Ada, Grace, Alan, Joan$/gm)).toHaveLength(3);
    expect(groups?.match(/engineering: Ada, Alan, Grace · design: Joan$/gm)).toHaveLength(3);
    expect(title?.match(/enabled: Ada \(Staff Engineer\)$/gm)).toHaveLength(3);
    expect(move?.match(/engineering: Ada, Grace · design: Alan, Joan$/gm)).toHaveLength(3);
    expect(leaver).toMatch(/Slack {2}disable +Alan +DELETE +\/scim\/v2\/Users\/\w+ +204/);
    expect(leaver).toMatch(/GitLab disable +Alan +POST +\/api\/v4\/users\/\d+\/block +201/);
    expect(leaver?.match(/now +disabled: Alan/g)).toHaveLength(3);
    expect(rehire?.match(/now +enabled: Alan · .* design: Alan, Joan$/gm)).toHaveLength(3);
    expect(brake?.match(/now +12 enabled · 10 disabled · 8 held$/gm)).toHaveLength(3);
    expect(brake).toContain('The brake tripped');
    expect(decision?.match(/now +11 enabled · 11 disabled$/gm)).toHaveLength(3);
    expect(repair?.match(/now +21 enabled · disabled: Kim/g)).toHaveLength(3);

    expect(stdout).not.toContain('not in the audit log');
    expect(stdout).not.toContain('\u001b');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(COLUMNS_MAX);
    expect(leftIn(temporary)).toEqual([]);
    await expectBridgeGone(stdout);
  },
  DEMO_MAX_MS,
);

it(
  'leaves nothing behind where it is interrupted',
  async () => {
    const temporary = bridgeDirectory();
    const { code, stdout, stderr } = await runDemo(NODE, temporary, (output, interrupt) => {
      if (output.includes('Okta pushes two groups')) interrupt();
    });
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
    expect(stdout).not.toContain('The end');
    expect(leftIn(temporary)).toEqual([]);
    await expectBridgeGone(stdout);
  },
  DEMO_MAX_MS,
);

it('says in one sentence why it cannot start', async () => {
  const { code, stdout, stderr } = await runDemo(NODE, join(bridgeDirectory(), 'missing'));
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^The demo stopped: The temporary folder .*missing cannot be written \(ENOENT.*\n$/);
});
