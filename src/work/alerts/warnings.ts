/**
 * Writes warnings into the audit log, each once: tokens that are about to expire, and connections that have fallen
 * silent.
 */

import {
  type EndingToken,
  endingTokens,
  takeEnding,
  takeSilence,
  type WatchedConnection,
  watchedConnections,
} from '../../db/access/warnings.ts';
import { appendEvent } from '../../db/events.ts';
import { DEFAULT_ENVIRONMENT_ID } from '../../db/identity/environments.ts';
import type { Db } from '../../db/open.ts';
import { SYSTEM } from '../../model/cause.ts';
import { type Clock, isoTime } from '../../support/clock.ts';
import { newId } from '../../support/ids.ts';

interface WarningDeps {
  readonly db: Db;
  readonly clock: Clock;
}

const HOUR_MS = 60 * 60_000;
/** The same time before which `/readyz` warns. */
const ENDS_WITHIN_MS = 14 * 24 * HOUR_MS;

export async function sayWarnings({ db, clock }: WarningDeps): Promise<void> {
  const now = clock.now();
  for (const token of await endingTokens(db, isoTime(now), isoTime(now + ENDS_WITHIN_MS)))
    await db.transaction((tx) => sayEnding(tx, token, isoTime(now)));
  for (const connection of await watchedConnections(db))
    if (isSilent(connection, now)) await db.transaction((tx) => saySilence(tx, connection, now));
}

async function sayEnding(tx: Db, token: EndingToken, at: string): Promise<void> {
  if (!(await takeEnding(tx, token))) return;
  const { id, kind, name, environmentId, connection, validUntil } = token;
  const what =
    kind === 'admin'
      ? `The admin token ${name ?? id}`
      : `The SCIM token ${name ?? id} of ${connection?.name ?? 'a connection'}`;
  const next =
    kind === 'admin' ? 'renew it, or make another' : 'make another and enter it at the identity provider';
  await appendEvent(tx, at, {
    environmentId: environmentId ?? DEFAULT_ENVIRONMENT_ID,
    cause: { correlationId: newId(), actor: SYSTEM },
    kind: 'credential.expiring',
    outcome: 'success',
    reason: `${what} ends at ${validUntil}: ${next}`,
    after: { id, name, validUntil, ...(connection ? { connection } : {}) },
  });
}

/** Whether the connection has been silent for too long, and no event says so yet. */
function isSilent({ silentAfterHours, heardAt, saidAt }: WatchedConnection, now: number): boolean {
  return now - Date.parse(heardAt) > silentAfterHours * HOUR_MS && (saidAt === null || saidAt < heardAt);
}

async function saySilence(tx: Db, connection: WatchedConnection, now: number): Promise<void> {
  if (!(await takeSilence(tx, connection, now))) return;
  const { id, environmentId, name, silentAfterHours, heardAt, isPulled } = connection;
  const tooLong = `longer than ${silentAfterHours} hours`;
  await appendEvent(tx, isoTime(now), {
    environmentId,
    cause: { correlationId: newId(), actor: SYSTEM },
    kind: 'connection.silent',
    outcome: 'failure',
    reason: isPulled
      ? `${name} was read last at ${heardAt}, ${tooLong}: its runs say what failed; check it, and resume it where it is paused`
      : `${name} has sent nothing since ${heardAt}, ${tooLong}: check that its app still runs and that its token is accepted`,
    after: { id, name, silentAfterHours, lastHeardAt: heardAt },
  });
}
