/** Names this process, so that another one on the same machine can tell whether it still runs. */

import { hostname } from 'node:os';
import { newId } from './ids.ts';

const START = newId();

/** A new name each time. The names of one start of the process have the same beginning, which no other start has. */
export function processName(): string {
  return `${hostname()}|${process.pid}|${START}|${newId()}`;
}

/**
 * True only where the process is certainly gone: it ran on this machine and does not exist any more, or it had the
 * process number of this one (in a container every start may get the same number).
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
