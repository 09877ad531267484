/**
 * Accounts that are members of remote groups and that the bridge has never seen: it does not know whose they are, nor
 * whether they are protected.
 */

import type { CallContext } from '../../connectors/connector.ts';
import { observationsById, observe } from '../../db/seen/observations.ts';
import { rememberShown } from '../people/protection.ts';
import type { Work } from '../planning.ts';

export interface StrangersReading {
  readonly work: Work;
  looking(): CallContext;
}

/** Reads these accounts at the vendor, where no observation of them exists yet. */
export async function readStrangers(
  { work, looking }: StrangersReading,
  remoteIds: readonly string[],
): Promise<void> {
  const { store, connector } = work.context;
  if (remoteIds.length === 0) return;
  const seen = await observationsById(work.db, store.id, 'user', remoteIds);
  for (const remoteId of remoteIds) {
    if (seen.has(remoteId)) continue;
    const asked = work.now();
    const account = await connector.read('user', remoteId, looking());
    if (!account) continue;
    await work.record(async (tx) => {
      await rememberShown(tx, work.context, [account], asked);
      await observe(tx, store.id, [account], asked);
    });
  }
}
