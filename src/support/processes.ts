/** Names this process so that another one on the same machine can tell whether it is still there. */

import { hostname } from 'node:os';
import { newId } from './ids.ts';

/** Unique for each start. */
export function processName(): string {
  return `${hostname()}|${process.pid}|${newId()}`;
}

/**
 * True only where it is certain: a process of this machine that is not there, or one that had our own
 * number and so was here before us (in a container every start may get the same one).
 */
export function isDeadProcess(name: string): boolean {
  const [host, pid] = name.split('|');
  if (host !== hostname()) return false;
  if (Number(pid) === process.pid) return true;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
