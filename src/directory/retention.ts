/**
 * Purges personal data: `retentionDays` after people of a connection left, it removes them from records and events.
 * The rows stay and can still be counted. No store changes: a purge takes no account away.
 */

import type { IdentifierHash } from '../db/access/identifierKey.ts';
import { lower } from '../db/columns.ts';
import { appendEvent } from '../db/events.ts';
import { type EventSpan, redactEvents, redactRecords } from '../db/identity/redaction.ts';
import {
  type DepartedUser,
  forgetAtReports,
  hasUnpurgedUsers,
  holdBackWorkers,
  namesOfOthers,
  purgePerson,
  type RetainingConnection,
  retainingConnections,
  tracesOf,
  usersToPurge,
} from '../db/identity/retention.ts';
import { PURGED, purgeUser, type UserRecord } from '../db/identity/users.ts';
import type { Db } from '../db/open.ts';
import { forgetRecords } from '../db/pull/records.ts';
import { SYSTEM } from '../model/cause.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';

export interface RetentionDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly identifierHash: IdentifierHash;
}

const DAY_MS = 24 * 60 * 60_000;
/** Longer than for deleted users: the identity provider still knows a user whom it only deactivated. */
const DEACTIVATED_DAYS_MIN = 30;
/** One walk through the events looks for the names of this many people. */
const USERS_PER_BATCH = 10;
/** Batches of one connection in one turn; the next turn continues. */
const BATCHES_MAX = 20;
const EVENTS_PER_SPAN = 2_000;

/** Ends early between two batches when the signal aborts. */
export async function purgePeople(deps: RetentionDeps, signal: AbortSignal): Promise<void> {
  for (const connection of await retainingConnections(deps.db)) {
    for (let batch = 0; batch < BATCHES_MAX && !signal.aborted; batch++) {
      const users = await usersToPurge(deps.db, connection.id, cutoffs(deps, connection), USERS_PER_BATCH);
      if (users.length === 0) break;
      await purgeBatch(deps, connection, users);
    }
  }
}

function cutoffs({ clock }: RetentionDeps, { retentionDays }: RetainingConnection) {
  const before = (days: number) => isoTime(clock.now() - days * DAY_MS);
  return {
    deleted: before(retentionDays),
    deactivated: before(Math.max(retentionDays, DEACTIVATED_DAYS_MIN)),
  };
}

/**
 * Rows about others come first: if the purge is interrupted, the users' own rows still hold the names to look for.
 */
async function purgeBatch(
  { db, clock, identifierHash }: RetentionDeps,
  connection: RetainingConnection,
  users: readonly DepartedUser[],
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
  await db.transaction((tx) => redactRecords(tx, environmentId, needles, redact));
  const correlationId = newId();
  const hash = await identifierHash();
  for (const user of users) {
    const at = isoTime(clock.now());
    await db.transaction(async (tx) => {
      await holdBackWorkers(tx, user.personId);
      if (!(await purgeUser(tx, user, at, hash))) return;
      if (user.externalId) await forgetRecords(tx, connection.id, [user.externalId]);
      await forgetAtReports(tx, user.id, new Set(names.map(lower)));
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
          because: user.because,
          retentionDays: connection.retentionDays,
          whole,
          events,
        },
      });
    });
  }
}

/** A shorter name may be an ordinary word; it is redacted only beside the person's id. */
const NAME_LENGTH_MIN = 5;

/** All names of the person, earlier ones too, longest first. */
async function namesOf(db: Db, user: UserRecord): Promise<readonly string[]> {
  const own = new Set<string>();
  collectNames(user.resource, own);
  const traced = new Set<string>();
  collectNames(await tracesOf(db, user.environmentId, user.personId), traced);
  // Stores may show the manager's address as a text of the account.
  const others = await namesOfOthers(db, user, [...traced]);
  const earlier = [...traced].filter((name) => !others.has(lower(name)));
  return [...new Set([...own, ...earlier])]
    .filter((name) => name.length >= NAME_LENGTH_MIN && name !== PURGED)
    .sort((a, b) => b.length - a.length);
}

/** Keys of names in resources, accounts and patches. */
const NAMING = /^(userName|username|externalId|displayName|display_name|formatted|identifier|nickName)$/;

/** Collects the names in a value about one person. */
function collectNames(value: unknown, names: Set<string>): void {
  if (Array.isArray(value)) for (const one of value) collectNames(one, names);
  if (typeof value === 'string' && value.includes('@')) names.add(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  const record = value as Record<string, unknown>;
  const { givenName, familyName, path } = record;
  names.add(`${givenName ?? ''} ${familyName ?? ''}`.trim());
  if (typeof path === 'string' && NAMING.test(path) && typeof record.value === 'string')
    names.add(record.value);
  for (const [key, one] of Object.entries(record)) {
    // The value is another person's name.
    if (/manager$/i.test(key)) continue;
    if (NAMING.test(key) && typeof one === 'string') names.add(one);
    else collectNames(one, names);
  }
}

/** Replaces these names everywhere, and all that is shown beside one of these ids. */
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

/** Keys that hold the person's name beside an id: in members, subjects and drift. */
const SHOWN = new Set(['display', 'expected', 'found']);

function isOneOf(ids: ReadonlySet<string>, value: unknown): boolean {
  if (typeof value === 'string') return ids.has(value);
  const id = (value as { id?: unknown } | null)?.id;
  return typeof id === 'string' && ids.has(id);
}
