/**
 * `npm run simulate:mutants -- [--seed S] [--from H] [--histories N] [--only NAME,NAME]`: takes out one guard after
 * another in a copy of the product, and plays histories until one fails. Ends with 1 if the absence of a guard goes
 * unnoticed.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { MUTANTS, type Mutant } from './list.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    histories: { type: 'string', default: '500' },
    only: { type: 'string' },
  },
});

const ROOT = join(import.meta.dirname, '..', '..');
const PLAYED = ['src', 'migrations', 'simulation', 'test', 'package.json'];

/** A product without a guard may loop for ever. */
const PLAYED_WITHIN_MS = 30 * 60_000;

const only = values.only?.split(',');
const mutants = only ? MUTANTS.filter(({ name }) => only.includes(name)) : MUTANTS;

const copy = mkdtempSync(join(tmpdir(), 'scim-bridge-mutants-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
for (const each of PLAYED) cpSync(join(ROOT, each), join(copy, each), { recursive: true });
symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));

let unseen = 0;
for (const mutant of mutants) {
  const restore = takeOut(mutant);
  const found = await firstFailure(mutant);
  restore();
  if (found === null) unseen += 1;
  say(`${mutant.name}: ${mutant.guard}`);
  say(found ?? `  not missed in ${values.histories} histories`);
}
say(`${mutants.length} guards taken out, ${unseen} not missed`);
process.exitCode = unseen > 0 ? 1 : 0;

function takeOut({ name, edits }: Mutant): () => void {
  const files = new Set(edits.map(({ file }) => file));
  for (const { file, from, to } of edits) {
    const text = readFileSync(join(copy, file), 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${name}: ${file} does not have its text once`);
    writeFileSync(
      join(copy, file),
      text.replace(from, () => to),
    );
  }
  return () => {
    for (const file of files) cpSync(join(ROOT, file), join(copy, file));
  };
}

/** The command that replays it, with its first complaint; null where every history passes. */
async function firstFailure({ theme }: Mutant): Promise<string | null> {
  const { seed, from, histories } = values;
  const range = [
    '--seed',
    seed,
    '--from',
    from,
    '--histories',
    histories,
    ...(theme ? ['--theme', theme] : []),
  ];
  const child = spawn(process.execPath, ['simulation/main.ts', ...range], {
    cwd: copy,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: PLAYED_WITHIN_MS,
  });
  const ended = once(child, 'exit');
  const failure = await readFailure(child, seed);
  // Otherwise it would go on to shorten the history.
  if (failure !== null) child.kill();
  const [code, signal] = await ended;
  if (failure === null && code !== 0) throw new Error(`the simulation itself ended with ${code ?? signal}`);
  return failure;
}

async function readFailure({ stdout }: ChildProcess, seed: string): Promise<string | null> {
  if (stdout === null) throw new Error('the simulation says nothing');
  let history: string | null = null;
  for await (const line of createInterface(stdout)) {
    if (history !== null) return `  --seed ${seed} --history ${history}:${line.slice(1, 160)}`;
    history = /^history (\d+) of seed .* failed:$/.exec(line)?.[1] ?? null;
  }
  return null;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
