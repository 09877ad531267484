/** A page of the audit log, newest first. */

import type { EventRecord } from '../../db/events.ts';
import { countEvents, type EventFilter, listEvents } from '../../db/lists/events.ts';
import { readsOf } from '../../db/reads.ts';
import type { EventOutcome } from '../../model/eventKinds.ts';
import type { Kind } from '../../model/subject.ts';
import type { ApiDeps } from '../deps.ts';
import { type PageQuery, page, readCursor } from '../lists.ts';

/** Of the events that the filter lets through. */
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
    show,
  });
}

/** What an event does not have is left out. */
function show(event: EventRecord) {
  const { id, at, correlationId, correlationIds, kind, actor } = event;
  const { subject, store, reason, request, calls, before, after } = event;
  return {
    ...{ id, at, correlationId, correlationIds, kind, actor },
    ...(subject && { subject: { ...subject, kind: subject.kind as Kind } }),
    ...(store && { store }),
    outcome: event.outcome as EventOutcome,
    ...(reason === null ? {} : { reason }),
    ...(request === null ? {} : { request }),
    ...(calls && { calls }),
    ...(before === null ? {} : { before }),
    ...(after === null ? {} : { after }),
  };
}
