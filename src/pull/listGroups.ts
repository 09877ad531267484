/** Lists the groups that a source has, for an admin who chooses among them. Reads there and writes nowhere. */

import type { CallContext } from '../connectors/connector.ts';
import type { PulledRecord } from '../db/pull/connections.ts';
import type { WantedGroups } from '../db/queue/inquiries.ts';
import { RemoteError } from '../model/errors.ts';
import type { ListedGroup, Source } from '../sources/source.ts';
import { tenantMistake, VENDOR_WAIT_MAX_MS } from '../stores/check.ts';
import type { GroupsAnswer } from '../stores/vendorAnswer.ts';

/** How many portions are read for one page: a search that finds little goes on with the next page. */
const PORTIONS_MAX = 10;

/** Never throws a `RemoteError`. Where `ends` aborts it, rejects with the reason of `ends`. */
export async function listGroups(
  record: PulledRecord,
  vendor: string,
  source: Source,
  wanted: WantedGroups,
  ends: AbortSignal,
): Promise<GroupsAnswer> {
  const signal = AbortSignal.any([ends, AbortSignal.timeout(VENDOR_WAIT_MAX_MS)]);
  const context = { signal, record: () => undefined };
  try {
    const page = await readPage(source, wanted, context);
    if (record.tenantId === null) return page;
    const mistake = tenantMistake(record, { tenant: await source.tenant(context) });
    return mistake === null ? page : { outcome: 'refused', message: mistake };
  } catch (error) {
    ends.throwIfAborted();
    if (error instanceof RemoteError) return failed(error);
    if (!signal.aborted) throw error;
    const message = `${vendor} did not answer within ${VENDOR_WAIT_MAX_MS / 1000} s`;
    return { outcome: 'unsaid', message };
  }
}

async function readPage(
  source: Source,
  { search, limit, from }: WantedGroups,
  context: CallContext,
): Promise<GroupsAnswer> {
  const words = search?.toLowerCase() ?? '';
  const found: ListedGroup[] = [];
  let { portion, passed } = from;
  for (let read = 0; read < PORTIONS_MAX; read += 1) {
    const { groups = [], next = null } = (await source.listGroups?.(portion, context)) ?? {};
    for (const [at, group] of groups.entries()) {
      if (at < passed || !isFound(group, words)) continue;
      if (found.length === limit) return { outcome: 'listed', groups: found, next: { portion, passed: at } };
      found.push(group);
    }
    if (next === null) return { outcome: 'listed', groups: found, next: null };
    [portion, passed] = [next, 0];
  }
  return { outcome: 'listed', groups: found, next: { portion, passed } };
}

function isFound({ name, email, dn, id }: ListedGroup, words: string): boolean {
  return [name, email, dn, id].some((text) => text?.toLowerCase().includes(words));
}

function failed({ disposition, message, retryAfterMs }: RemoteError): GroupsAnswer {
  switch (disposition) {
    case 'transient':
    case 'rateLimited':
    case 'unknownOutcome':
      return { outcome: 'unsaid', message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    default:
      return { outcome: 'refused', message };
  }
}
