/** An admin claims an incident, and admins leave notes on it. Decides nothing. */

import { type IncidentNote, insertNote, lockClaim, saveClaim } from '../../db/brake/incidentDesk.ts';
import type { IncidentRecord } from '../../db/brake/incidents.ts';
import { appendEvent } from '../../db/events.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';

/** Throws a 409 that names the admin who has it, unless forced. */
export function claimIncident(
  { db, clock }: PropagationDeps,
  incident: IncidentRecord,
  { force }: { readonly force: boolean },
  cause: Cause,
): Promise<IncidentRecord> {
  return transact(db, async (tx) => {
    const current = await lockClaim(tx, incident.id);
    const id = cause.actor.id ?? cause.actor.name;
    if (current?.id === id) return { ...incident, claimedBy: current };
    if (current && !force) {
      const message = `${current.name} claimed incident ${incident.number} at ${current.at}; send force: true to take it over.`;
      throw new RequestError(409, message, [], { members: { claimedBy: current } });
    }
    const at = isoTime(clock.now());
    const claimedBy = { id, name: cause.actor.name, at };
    await saveClaim(tx, incident.id, claimedBy);
    const after = { incidentId: incident.id, number: incident.number, claimedBy: claimedBy.name };
    await appendEvent(tx, at, {
      environmentId: incident.environmentId,
      cause,
      kind: 'incident.claimed',
      outcome: 'success',
      ...(current ? { before: { claimedBy: current.name } } : {}),
      after,
    });
    return { ...incident, claimedBy };
  });
}

export function noteOnIncident(
  { db, clock }: PropagationDeps,
  { id, number, environmentId }: IncidentRecord,
  text: string,
  cause: Cause,
): Promise<IncidentNote> {
  return transact(db, async (tx) => {
    const at = isoTime(clock.now());
    const note = { at, by: cause.actor.name, text };
    await insertNote(tx, id, note);
    const after = { incidentId: id, number };
    await appendEvent(tx, at, { environmentId, cause, kind: 'incident.noted', outcome: 'success', after });
    return note;
  });
}
