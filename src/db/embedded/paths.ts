/** Where the file of an embedded database is, whatever leads to it, and how it begins. Opens no file that is there. */

import { closeSync, lstatSync, mkdirSync, openSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;

/** Makes an empty file for its owner alone, where there is none. SQLite would make it readable for everyone. */
export function makePrivate(file: string): void {
  makeDirectory(file);
  try {
    closeSync(openSync(file, 'wx', OWNER_ONLY_FILE));
  } catch (error) {
    // To open and close what is there would end every lock that SQLite has on it for this process.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** The file behind all symbolic links, also where it is not there yet. */
export function realPath(file: string): string {
  makeDirectory(file);
  const path = join(realpathSync(dirname(file)), basename(file));
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink();
  return isLink ? realPath(resolve(dirname(path), readlinkSync(path))) : path;
}

function makeDirectory(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: OWNER_ONLY_DIRECTORY });
}
