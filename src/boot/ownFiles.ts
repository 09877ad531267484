/**
 * The files that the bridge writes beside its database: the encryption key of the embedded default, and the tokens
 * that the first start shows. Only their owner can read them. After a crash a file is either complete or not there.
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
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { generateKey, type Keyring, parseKeyring } from '../support/secret.ts';

const OWNER_ONLY = 0o600;
const KEY_FILE = 'encryption.key';
const FIRST_START_FILE = 'first-start.txt';

export function keyFileOf(directory: string): string {
  return resolve(directory, KEY_FILE);
}

/** The key of the embedded default; null where there is none. Throws an Error whose message a person can read. */
export function readKeyFile(directory: string): Keyring | null {
  const path = keyFileOf(directory);
  if (!existsSync(path)) return null;
  try {
    return parseKeyring(readFileSync(path, 'utf8').trim());
  } catch (error) {
    throw new Error(
      `${path} does not hold an encryption key: put back the one that this database was used with`,
      { cause: error },
    );
  }
}

/** Never replaces an existing key. */
export function makeKeyFile(directory: string): Keyring {
  const path = keyFileOf(directory);
  const key = generateKey();
  const unfinished = writeUnfinished(path, `${key}\n`);
  try {
    linkSync(unfinished, path);
  } finally {
    rmSync(unfinished);
  }
  return parseKeyring(key);
}

export function firstStartFileOf(directory: string): string {
  return resolve(directory, FIRST_START_FILE);
}

/** False where the file is missing or was emptied. */
export function holdsTokens(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/**
 * Writes the file so that only its owner can read it, over one that an unfinished first start left. Answers the path.
 */
export function writeFirstStart(directory: string, text: string): string {
  const path = firstStartFileOf(directory);
  renameSync(writeUnfinished(path, text), path);
  return path;
}

/** Removes the tokens from the file. Answers the path; throws an Error for people where there is no file. */
export function emptyFirstStart(directory: string): string {
  const path = firstStartFileOf(directory);
  if (!existsSync(path)) {
    throw new Error(
      `There is no ${path}: the first start has shown its tokens on the terminal, or made none`,
    );
  }
  truncateSync(path);
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
