/** Shows an event of the audit log in lists and streams. */

import type { EventRecord } from '../../db/events.ts';
import type { EventOutcome } from '../../model/eventKinds.ts';
import type { Kind } from '../../model/subject.ts';

/** Leaves out the keys that this event does not have. */
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
