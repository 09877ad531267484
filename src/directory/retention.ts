/**
 * Takes the personal data of people who are long gone out of records and events, as their connection's
 * `retentionDays` says. It leaves the rows, so that they can be counted, and never changes what a store is
 * to hold: a purge deprovisions nobody.
 */

import { appendEvent } from '../db/events.ts';
import type { Db } from '../db/open.ts';
import {
  type EventSpan,
  hasUnpurgedUsers,
  purgePerson,
  purgeRemovedLinks,
  type RetainingConnection,
  redactEvents,
  redactSyncRuns,
  remoteNamesOf,
  retainingConnections,
  usersToPurge,
} from '../db/retention.ts';
import { PURGED, purgeUser, type UserRecord } from '../db/users.ts';
import { SYSTEM } from '../model/cause.ts';
import { emailsOf } from '../model/resource.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';

export interface RetentionDeps {
  readonly db: Db;
  readonly clock: Clock;
}

const DAY_MS = 24 * 60 * 60_000;
/** The identity provider still refers to a deactivated user; whoever is deleted it has forgotten. */
const DEACTIVATED_DAYS_MIN = 30;
/** People whose names are looked for in one walk through the events. */
const USERS_PER_BATCH = 10;
/** Batches of one turn and connection; the next turn goes on. */
const BATCHES_MAX = 20;
const EVENTS_PER_SPAN = 2_000;

/** Ends early, between two batches, when the signal aborts. */
export async function purgePeople(deps: RetentionDeps, signal: AbortSignal): Promise<void> {
  for (const connection of await retainingConnections(deps.db)) {
    for (let batch = 0; batch < BATCHES_MAX && !signal.aborted; batch++) {
      const users = await usersToPurge(deps.db, connection.id, cutoffs(deps, connection), USERS_PER_BATCH);
      if (users.length === 0) break;
      await purgeBatch(deps, connection, users);
    }
  }
  await purgeRemovedLinks(deps.db);
}

function cutoffs({ clock }: RetentionDeps, { retentionDays }: RetainingConnection) {
  const before = (days: number) => isoTime(clock.now() - days * DAY_MS);
  return {
    deleted: before(retentionDays),
    deactivated: before(Math.max(retentionDays, DEACTIVATED_DAYS_MIN)),
  };
}

/** The events of others first: should this end half-way, the rows still say whom to look for. */
async function purgeBatch(
  { db, clock }: RetentionDeps,
  connection: RetainingConnection,
  users: readonly UserRecord[],
): Promise<void> {
  const { environmentId } = connection;
  const ids = users.flatMap((user) => [user.id, user.personId]);
  const names = (await Promise.all(users.map((user) => namesOf(db, user)))).flat();
  const redact = redaction(new Set(ids), names);
  const needles = [...ids, ...names];
  let after: number | null = 0;
  while (after !== null) {
    const span: EventSpan = { environmentId, after, size: EVENTS_PER_SPAN };
    after = await db.transaction((tx): Promise<number | null> => redactEvents(tx, span, needles, redact));
  }
  await db.transaction((tx) => redactSyncRuns(tx, environmentId, needles, redact));
  const correlationId = newId();
  for (const user of users) {
    const at = isoTime(clock.now());
    await db.transaction(async (tx) => {
      if (!(await purgeUser(tx, user, at))) return;
      const whole = !(await hasUnpurgedUsers(tx, user.personId));
      const events = whole ? await purgePerson(tx, environmentId, user.personId, redact) : 0;
      await appendEvent(tx, at, {
        environmentId,
        cause: { correlationId, actor: SYSTEM },
        kind: 'user.purged',
        subject: { kind: 'user', id: user.personId },
        outcome: 'success',
        after: {
          id: user.id,
          because: user.deletedAt === null ? 'deactivated' : 'deleted',
          retentionDays: connection.retentionDays,
          whole,
          events,
        },
      });
    });
  }
}

/** Shorter names are words as well; they go where the person's id stands beside them. */
const NAME_LENGTH_MIN = 5;

async function namesOf(db: Db, user: UserRecord): Promise<readonly string[]> {
  const { displayName, name } = user.resource;
  const { formatted, givenName, familyName } = (name ?? {}) as Record<string, unknown>;
  const all = [
    user.userName,
    user.externalId,
    displayName,
    formatted,
    `${givenName ?? ''} ${familyName ?? ''}`.trim(),
    ...emailsOf(user.resource).map((email) => email.value),
    ...(await remoteNamesOf(db, user.personId)),
  ];
  const known = all.filter((one): one is string => typeof one === 'string' && one.length >= NAME_LENGTH_MIN);
  return [...new Set(known)].sort((a, b) => b.length - a.length);
}

/** Replaces names wherever they stand, and everything that is shown beside one of the ids. */
function redaction(ids: ReadonlySet<string>, names: readonly string[]): (value: unknown) => unknown {
  const pattern =
    names.length === 0
      ? null
      : new RegExp(names.map((n) => n.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'), 'gi');
  const redact = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return pattern === null || ids.has(value) ? value : value.replace(pattern, PURGED);
    }
    if (Array.isArray(value)) return value.map(redact);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const about = entries.some(([, one]) => isOneOf(ids, one));
    return Object.fromEntries(
      entries.map(([key, one]) => [key, about && SHOWN.has(key) && one !== null ? PURGED : redact(one)]),
    );
  };
  return redact;
}

/** Keys that show a person beside the id: of members, of subjects, and of drift. */
const SHOWN = new Set(['display', 'expected', 'found']);

function isOneOf(ids: ReadonlySet<string>, value: unknown): boolean {
  if (typeof value === 'string') return ids.has(value);
  const id = (value as { id?: unknown } | null)?.id;
  return typeof id === 'string' && ids.has(id);
}
