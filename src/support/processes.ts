/** Names this process so that another one on the same machine can tell whether it is still there. */

import { hostname } from 'node:os';
import { newId } from './ids.ts';

const START = newId();

/**
 * Another name each time. All names of one start of the process begin alike, and differ from those of any
 * other.
 */
export function processName(): string {
  return `${hostname()}|${process.pid}|${START}|${newId()}`;
}

/**
 * True only where it is certain that the process is gone: it ran on this machine and is not there, or it had
 * the process number that is ours now (in a container every start may get the same one).
 */
export function isDeadProcess(name: string): boolean {
  const [host, pid, start] = name.split('|');
  if (host !== hostname()) return false;
  if (Number(pid) === process.pid) return start !== START;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
