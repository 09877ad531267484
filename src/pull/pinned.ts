/**
 * Whose directory answers. A run reads it and asks about whoever is missing; none of that counts where another account than
 * the pinned one said it.
 */

import type { CallContext } from '../connectors/connector.ts';
import type { PulledRecord } from '../db/pull/connections.ts';
import type { Source } from '../sources/source.ts';
import { tenantMistake } from '../stores/check.ts';
import { ScanRefused } from './refused.ts';

/** Throws ScanRefused for another account, and RemoteError where nobody says whose it is. */
export async function demandPinned(
  record: PulledRecord,
  source: Pick<Source, 'tenant'>,
  context: CallContext,
): Promise<void> {
  if (record.tenantId === null) return;
  const mistake = tenantMistake(record, { tenant: await source.tenant(context) });
  if (mistake !== null) throw new ScanRefused(`${mistake} Nothing was changed.`);
}
