/** Names this process so that another one on the same machine can tell whether it is still there. */

import { hostname } from 'node:os';
import { newId } from './ids.ts';

const START = newId();

/** Another one each time; all begin with what tells this start of this process from every other. */
export function processName(): string {
  return `${hostname()}|${process.pid}|${START}|${newId()}`;
}

/**
 * True only where it is certain: a process of this machine that is not there, or one that had our own
 * number and so was here before us (in a container every start may get the same one).
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
