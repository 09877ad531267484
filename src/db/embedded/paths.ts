/** Finds the file of an embedded database behind any links, and makes it. Opens no file that exists. */

import { closeSync, lstatSync, mkdirSync, openSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;

/** Makes an empty file that only its owner may read, where there is none. SQLite would let everybody read it. */
export function makePrivate(file: string): void {
  makeDirectory(file);
  try {
    closeSync(openSync(file, 'wx', OWNER_ONLY_FILE));
  } catch (error) {
    // Opening and closing an existing file would end every lock that SQLite has on it for this process.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** The file behind all symbolic links, even where it does not exist yet. */
export function realPath(file: string): string {
  makeDirectory(file);
  const path = join(realpathSync(dirname(file)), basename(file));
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink();
  return isLink ? realPath(resolve(dirname(path), readlinkSync(path))) : path;
}

function makeDirectory(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: OWNER_ONLY_DIRECTORY });
}
