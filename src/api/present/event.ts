/** A line of the audit log as lists and streams show it. */

import type { EventRecord } from '../../db/events.ts';
import type { EventOutcome } from '../../model/eventKinds.ts';
import type { Kind } from '../../model/subject.ts';

/** What an event does not have is left out. */
export function showEvent(event: EventRecord) {
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
