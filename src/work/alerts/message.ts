/**
 * What an alert says about an event. It is written once, at the first attempt, and every later attempt sends it
 * unchanged.
 */

import { eventSentence } from '../../control/status/eventWords.ts';
import { shownIncident } from '../../control/status/incidents.ts';
import type { AlertRecord } from '../../db/alerts/alerts.ts';
import type { DeliveryRecord } from '../../db/alerts/deliveries.ts';
import { heldPeople } from '../../db/brake/incidentLosses.ts';
import { getIncident, type IncidentRecord } from '../../db/brake/incidents.ts';
import type { EventRecord } from '../../db/events.ts';
import { namesOfPeople } from '../../db/identity/subjects.ts';
import { getEvent } from '../../db/lists/events.ts';
import type { Db } from '../../db/open.ts';
import { ALERT_HEADINGS, EVERY_EVENT, TEST } from '../../model/alerts/alerts.ts';
import type { PropagationDeps } from '../../stores/deps.ts';

interface Named {
  readonly id: string;
  readonly name: string;
}

/** The body of a webhook; the other formats are made from it. */
export interface Message {
  readonly type: string;
  /** The time of the event; an ISO time. */
  readonly timestamp: string;
  readonly data: {
    readonly environment: string;
    readonly store?: Named;
    readonly connection?: Named;
    readonly person?: { readonly id: string; readonly display: string };
    readonly incident?: { readonly id: string; readonly number: number };
    readonly summary: string;
    readonly link: string;
    readonly correlationId: string;
    /** The event itself, where the alert asks for every event. */
    readonly event?: unknown;
  };
}

export interface MessageDeps extends Pick<PropagationDeps, 'db' | 'registry'> {
  /** Without a slash at its end. */
  readonly publicUrl: string;
}

/** The heading that a person reads first. */
export function headingOf({ type }: Message): string {
  if (type === TEST) return 'A test';
  return (ALERT_HEADINGS as Readonly<Record<string, string>>)[type] ?? type;
}

/** Null where the audit log no longer has the event. */
export async function messageOf(
  deps: MessageDeps,
  alert: AlertRecord,
  { eventId, type, at }: DeliveryRecord,
): Promise<Message | null> {
  const event = await getEvent(deps.db, eventId);
  if (!event) return null;
  const { environmentId } = alert;
  const incident = await incidentOf(deps.db, environmentId, event);
  const { store, correlationId } = event;
  const person = event.subject?.kind === 'user' ? event.subject : null;
  const connection = connectionOf(event);
  return {
    type,
    timestamp: at,
    data: {
      environment: environmentId,
      ...(store ? { store } : {}),
      ...(connection ? { connection } : {}),
      ...(person ? { person: { id: person.id, display: person.display ?? person.id } } : {}),
      ...(incident ? { incident: { id: incident.id, number: incident.number } } : {}),
      summary: type === TEST ? testSentence(alert) : await summaryOf(deps, event, incident),
      link: linkOf(deps, environmentId, event, incident),
      correlationId,
      ...(alert.events.includes(EVERY_EVENT) ? { event: wholeEvent(event) } : {}),
    },
  };
}

function testSentence({ name }: AlertRecord): string {
  return `This is a test of the alert ${name}; nothing happened.`;
}

async function incidentOf(db: Db, environmentId: string, event: EventRecord): Promise<IncidentRecord | null> {
  const { incidentId } = (event.after ?? {}) as { readonly incidentId?: unknown };
  return typeof incidentId === 'string' ? getIncident(db, environmentId, incidentId) : null;
}

/** The connection that the event is about, or else the one whose request caused it. */
function connectionOf({ kind, actor, before, after }: EventRecord): Named | null {
  const { id, name } = (after ?? before ?? {}) as { readonly id?: unknown; readonly name?: unknown };
  if (kind.startsWith('connection.') && typeof id === 'string') return { id, name: String(name ?? id) };
  return actor.type === 'connection' && actor.id !== null ? { id: actor.id, name: actor.name } : null;
}

/** How many people a message names; it counts the others. */
const NAMED_MAX = 5;

async function summaryOf(
  deps: MessageDeps,
  event: EventRecord,
  incident: IncidentRecord | null,
): Promise<string> {
  if (!incident || !/^incident\.(opened|closed)$/.test(event.kind)) return eventSentence(event);
  const { summary, ifNothing } = await shownIncident(deps, incident);
  const held = await heldPeople(deps.db, incident.id);
  const names = await namesOfPeople(deps.db, held.slice(0, NAMED_MAX));
  const named = [...names.values()].map(({ display }) => display).sort();
  const more = held.length - named.length;
  const who = named.length === 0 ? '' : ` Held: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
  return `Incident ${incident.number}: ${summary}${who} ${ifNothing}`;
}

/** What to read next, in the admin API. */
function linkOf(
  { publicUrl }: MessageDeps,
  environmentId: string,
  event: EventRecord,
  incident: IncidentRecord | null,
): string {
  const at = (...path: readonly string[]) =>
    [`${publicUrl}/v1/environments`, environmentId, ...path]
      .map((part, n) => (n === 0 ? part : encodeURIComponent(part)))
      .join('/');
  if (incident) return at('propagation', 'incidents', incident.id);
  if (event.subject?.kind === 'user') return at('people', event.subject.id);
  if (event.store) return at('propagation', 'stores', event.store.id, 'syncStatus');
  const connection = event.kind.startsWith('connection.') ? connectionOf(event) : null;
  if (connection) return at('connections', connection.id);
  return `${at('events')}?correlationId=${encodeURIComponent(event.correlationId)}`;
}

/** The event as `…/events` shows it. */
function wholeEvent(event: EventRecord) {
  const shown = Object.entries(event).filter(([, value]) => value !== null);
  return Object.fromEntries(shown);
}
