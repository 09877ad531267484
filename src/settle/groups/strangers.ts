/** Members of remote groups of whom nobody has ever seen the account: it is not known whose they are, nor what protects them. */

import type { CallContext } from '../../connectors/connector.ts';
import { observationsById, observe } from '../../db/seen/observations.ts';
import { rememberShown } from '../people/protection.ts';
import type { Work } from '../planning.ts';

export interface StrangersReading {
  readonly work: Work;
  looking(): CallContext;
}

/** Sees to it that what is known of these accounts is in the observations. */
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
