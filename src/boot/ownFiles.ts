/**
 * The files that the bridge writes beside its database: the encryption key of the embedded default, and the tokens
 * that the first start shows. Only their owner can read them, and a crash leaves the whole file or none.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { generateKey, type Keyring, parseKeyring } from '../support/secret.ts';

const OWNER_ONLY = 0o600;
const KEY_FILE = 'encryption.key';
const FIRST_START_FILE = 'first-start.txt';

/** Reads the key of the embedded default, and makes it first where there is none. Throws an Error for people. */
export function openKeyFile(directory: string): Keyring {
  const path = resolve(directory, KEY_FILE);
  if (!existsSync(path)) makeKeyFile(path);
  const text = readFileSync(path, 'utf8').trim();
  try {
    return parseKeyring(text);
  } catch (error) {
    throw new Error(
      `${path} does not hold an encryption key: put back the one that this database was used with`,
      {
        cause: error,
      },
    );
  }
}

/** Two processes that start at once use the same key: `link` never replaces a file, so that only one succeeds. */
function makeKeyFile(path: string): void {
  const unfinished = writeUnfinished(path, `${generateKey()}\n`);
  try {
    linkSync(unfinished, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(unfinished);
  }
}

/**
 * Writes the file that only its owner may read, over one that an unfinished first start left. Returns the
 * path.
 */
export function writeFirstStart(directory: string, text: string): string {
  const path = resolve(directory, FIRST_START_FILE);
  renameSync(writeUnfinished(path, text), path);
  return path;
}

function writeUnfinished(path: string, text: string): string {
  const unfinished = `${path}.${process.pid}`;
  mkdirSync(resolve(path, '..'), { recursive: true, mode: 0o700 });
  rmSync(unfinished, { force: true });
  const file = openSync(unfinished, 'wx', OWNER_ONLY);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return unfinished;
}
