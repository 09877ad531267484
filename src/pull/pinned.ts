/**
 * Checks which account of the vendor answers. A run counts for nothing if another account than the pinned one
 * answered its questions.
 */

import type { CallContext } from '../connectors/connector.ts';
import type { PulledRecord } from '../db/pull/connections.ts';
import type { Source } from '../sources/source.ts';
import { tenantMistake } from '../stores/check.ts';
import { ScanRefused } from './refused.ts';

/** Throws ScanRefused if another account answers, and RemoteError if the source does not say which one it is. */
export async function demandPinned(
  record: PulledRecord,
  source: Pick<Source, 'tenant'>,
  context: CallContext,
): Promise<void> {
  if (record.tenantId === null) return;
  const mistake = tenantMistake(record, { tenant: await source.tenant(context) });
  if (mistake !== null) throw new ScanRefused(`${mistake} Nothing was changed.`);
}
