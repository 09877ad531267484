/** Handles: the short names that rules and mappings use for connections. Unique in their environment. */

import type { ConnectionRecord } from '../../db/identity/connections.ts';
import type { Db } from '../../db/open.ts';
import { storesNaming } from '../../db/pull/enrichment.ts';
import { RequestError } from '../../model/errors.ts';

const HANDLE_MAX = 50;

/** A handle made from the name, for a connection without a chosen one; never one that is taken. */
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

/** Without the handle, rules that name it would include nobody. Throws a 409 that names their stores. */
export async function refuseWhileNamed(
  tx: Db,
  { id, environmentId, handle }: Pick<ConnectionRecord, 'id' | 'environmentId' | 'handle'>,
  pointer: string,
): Promise<void> {
  const stores = await storesNaming(tx, environmentId, id);
  if (stores.length === 0) return;
  const names = stores.map(({ name }) => name).join(', ');
  const detail = `rules or mappings of ${names} name identities.${handle}: change those first`;
  throw new RequestError(409, `The handle ${handle} is in use.`, [{ pointer, detail }]);
}
