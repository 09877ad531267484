/** `demo`, `emulators`, `backup`, `restore`: they run on the machine itself, and ask no bridge. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { AddCommand } from '../cli.ts';

const LOCAL: readonly (readonly [words: string, script: string, description: string])[] = [
  ['demo', 'demo/main.ts', 'play a company on emulated vendors, and show what happens'],
  ['emulators', 'demo/emulators.ts', 'start emulated vendors, and print what to paste to use them'],
  [
    'backup <file>',
    'scripts/backup.ts',
    'write all of the database to a new file, also while the bridge runs',
  ],
  ['restore <file>', 'scripts/restore.ts', 'put a backup in the place of the database, while no bridge runs'],
];

export const addLocal: AddCommand = (program) => {
  for (const [words, script, description] of LOCAL) {
    const command = program.command(words).description(description);
    if (words.startsWith('restore')) command.option('--yes', 'do not ask');
    command.action((...given: unknown[]) =>
      run(
        script,
        given.filter((word) => typeof word === 'string'),
        command.opts(),
      ),
    );
  }
};

async function run(script: string, words: readonly string[], { yes }: { yes?: boolean }): Promise<void> {
  const file = join(import.meta.dirname, '../..', script);
  const child = spawn(process.execPath, [file, ...words, ...(yes ? ['--yes'] : [])], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise<number>((resolve) => {
    child.on('exit', (code, signal) => resolve(signal ? 1 : (code ?? 1)));
  });
}
