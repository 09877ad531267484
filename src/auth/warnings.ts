/**
 * Warnings about the bridge's own secrets: as codes that name nobody, because anybody may read `/readyz`, and as log
 * sentences that name the tokens.
 */

import { type EndedToken, kindsEnding } from '../db/access/expiry.ts';
import type { Db } from '../db/open.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import type { SecretVariable } from '../support/guessable.ts';
import type { Log } from '../support/log.ts';

export type WarningCode =
  | 'admin_token_expiring'
  | 'scim_token_expiring'
  | 'admin_token_guessable'
  | 'encryption_key_guessable';

const DAY_MS = 24 * 60 * 60_000;
/** Days before a token ends. */
const WARNED_DAYS = 14;

const GUESSABLE: { readonly [name in SecretVariable]: WarningCode } = {
  ADMIN_TOKEN: 'admin_token_guessable',
  ENCRYPTION_KEY: 'encryption_key_guessable',
};

export async function readWarnings(
  db: Db,
  clock: Clock,
  guessable: readonly SecretVariable[],
): Promise<readonly WarningCode[]> {
  const now = clock.now();
  const ending = await kindsEnding(db, isoTime(now), isoTime(now + WARNED_DAYS * DAY_MS));
  return [
    ...(ending.admin ? (['admin_token_expiring'] as const) : []),
    ...(ending.scim ? (['scim_token_expiring'] as const) : []),
    ...guessable.map((name) => GUESSABLE[name]),
  ];
}

/** Logs which admin tokens have ended, and how an admin gets in without one. */
export function logEndedTokens(log: Log, ended: readonly EndedToken[]): void {
  if (ended.length === 0) return;
  log.warn(
    { ended },
    'admin tokens have ended. Whoever has no other: set ADMIN_TOKEN, start the bridge again, and with that token POST /v1/admin-tokens/{id}/renew, or make a new one',
  );
}

const SAID_EVERY_MS = 60_000;

/** Logs it when somebody uses an ended token, at most once a minute for each token. */
export function endedTokenNotes(clock: Clock, log: Log): (token: EndedToken) => void {
  const saidAt = new Map<string, number>();
  return (token) => {
    const now = clock.now();
    if (now - (saidAt.get(token.id) ?? Number.NEGATIVE_INFINITY) < SAID_EVERY_MS) return;
    saidAt.set(token.id, now);
    logEndedTokens(log, [token]);
  };
}
