/** What an alert may report, and where it may go. Every type except `audit.*` is a kind of event. */

export const ALERT_KINDS = ['slack', 'webhook', 'email'] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** Each with the heading that a person reads first. */
export const ALERT_HEADINGS = {
  'incident.opened': 'Losses wait for a decision',
  'incident.closed': 'An incident is closed',
  'store.paused': 'A store is paused',
  'store.resumed': 'A store goes on',
  'store.noSeats': 'A vendor has no seats left',
  'leaver.overdue': 'A leaver may still have access',
  'task.parked': 'The bridge gave up on a task',
  'drift.found': 'Somebody changed a store by hand',
  'sync.failed': 'A sync failed',
  'credential.expiring': 'A token ends soon',
  'connection.silent': 'An identity provider is silent',
  'connection.failed': 'A directory cannot be read',
  'connection.partial': 'A directory is read only in part',
} as const;

/** Every event of the environment, as `audit.` and its kind. */
export const EVERY_EVENT = 'audit.*';

export const ALERT_TYPES = [
  ...(Object.keys(ALERT_HEADINGS) as (keyof typeof ALERT_HEADINGS)[]),
  EVERY_EVENT,
] as const;
export type AlertType = (typeof ALERT_TYPES)[number];

/** The type of the message that an admin asks for to see whether the alert arrives. */
export const TEST = 'test';

/** For how long one attempt may take, and for how long a message is tried. */
export const ATTEMPT_MAX_MS = 10_000;
export const TRIED_FOR_MS = 24 * 60 * 60_000;

const GAP_FIRST_MS = 1_000;
export const GAP_MAX_MS = 60 * 60_000;

/** The wait after so many failures in a row, at least 1. */
export function gapMs(failures: number): number {
  return Math.min(GAP_MAX_MS, GAP_FIRST_MS * 2 ** Math.min(failures - 1, 20));
}
