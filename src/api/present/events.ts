/** A page of the audit log, newest first. */

import { countEvents, type EventFilter, listEvents } from '../../db/lists/events.ts';
import { readsOf } from '../../db/reads.ts';
import type { ApiDeps } from '../deps.ts';
import { type PageQuery, page, readCursor } from '../lists.ts';
import { showEvent } from './event.ts';

/** A page of the events that match the filter. */
export async function pageOfEvents(
  { db }: Pick<ApiDeps, 'db'>,
  call: { readonly url: URL; readonly query: PageQuery },
  filter: EventFilter,
) {
  const key = readCursor(call.query, ['bigint']);
  const reads = readsOf(db);
  return page(call, {
    name: 'events',
    rows: await listEvents(reads, filter, call.query.limit + 1, key && Number(key[0])),
    count: await countEvents(reads, filter),
    keyOf: (event) => [Number(event.id)],
    show: showEvent,
  });
}
