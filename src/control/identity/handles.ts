/** Handles: the short name by which rules and mappings will speak of a connection. Unique in its environment. */

import { RequestError } from '../../model/errors.ts';

const HANDLE_MAX = 50;

/** Made of the name where nobody chose one; never one of those that are taken. */
export function handleFor(name: string, taken: ReadonlySet<string>): string {
  const plain = name.normalize('NFKD').toLowerCase();
  const words = plain.replace(/[^a-z0-9]+/g, '-').replace(/^[-0-9]+/, '');
  const base = words.slice(0, HANDLE_MAX).replace(/-+$/, '') || 'connection';
  let handle = base;
  for (let n = 2; taken.has(handle); n += 1) handle = `${base}-${n}`;
  return handle;
}

/** Throws a 409. */
export function refuseTakenHandle(handle: string, taken: ReadonlySet<string>): void {
  if (!taken.has(handle)) return;
  throw new RequestError(409, `Another connection has the handle ${handle}; choose another.`, [
    { pointer: '/handle', detail: 'handle is taken' },
  ]);
}
