/** Makes, renews and revokes admin tokens. It stores only the hash of a token. */

import {
  type AdminTokenRecord,
  adminTokensOf,
  deleteAdminToken,
  insertAdminToken,
  lockAdminToken,
  writeAdminTokenEnd,
} from '../../db/access/adminTokens.ts';
import { appendEvent } from '../../db/events.ts';
import { DEFAULT_ENVIRONMENT_ID, lockEnvironment } from '../../db/identity/environments.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { newId } from '../../support/ids.ts';
import { refuseTakenName } from '../conflicts.ts';
import { auditedAdminToken } from '../identity/audited.ts';

export type NewAdminToken = Pick<AdminTokenRecord, 'name' | 'scopes' | 'environmentId' | 'validUntil'>;

/** Throws a 400 where the environment does not exist, 409 where another token of the environment has the name. */
export async function createAdminToken(
  deps: Pick<PropagationDeps, 'db' | 'clock'>,
  wanted: NewAdminToken,
  tokenHash: string,
  cause: Cause,
): Promise<AdminTokenRecord> {
  const createdAt = isoTime(deps.clock.now());
  const token: AdminTokenRecord = { id: newId(), ...wanted, createdAt, lastUsedAt: null };
  await transact(deps.db, async (tx) => {
    // Tokens that are bound to no environment share the lock of `default`.
    if (!(await lockEnvironment(tx, eventEnvironment(token)))) {
      const detail = 'environmentId must be the id of an environment';
      throw new RequestError(400, 'There is no such environment.', [{ pointer: '/environmentId', detail }]);
    }
    refuseTakenName('admin token', token.name, await adminTokensOf(tx, token.environmentId));
    await insertAdminToken(tx, token, tokenHash);
    await appendEvent(tx, createdAt, {
      environmentId: eventEnvironment(token),
      cause,
      kind: 'admin-token.created',
      outcome: 'success',
      after: auditedAdminToken(token),
    });
  });
  return token;
}

const DAY_MS = 24 * 60 * 60_000;
/** Counted from a renewal that names no end. */
const RENEWED_DAYS = 30;

export interface Renewal {
  readonly id: string;
  /** Undefined: 30 days from now, or no end where the token had none; null: no end. */
  readonly validUntil: string | null | undefined;
  /** The scopes of the caller: to renew a token is to hand it out again, so nobody may renew one that may do more. */
  readonly scopes: ReadonlySet<string>;
}

/** A token that has ended becomes valid again. Throws 403 and 404. */
export async function renewAdminToken(
  deps: Pick<PropagationDeps, 'db' | 'clock'>,
  { id, validUntil, scopes }: Renewal,
  cause: Cause,
): Promise<AdminTokenRecord> {
  const now = deps.clock.now();
  return transact(deps.db, async (tx) => {
    const before = await lockAdminToken(tx, id);
    if (!before) throw new RequestError(404, `There is no admin token ${id} here.`);
    if (before.scopes.some((scope) => !scopes.has(scope))) {
      throw new RequestError(403, 'A token cannot renew one that may do more than itself.');
    }
    const usual = before.validUntil === null ? null : isoTime(now + RENEWED_DAYS * DAY_MS);
    const after = { ...before, validUntil: validUntil === undefined ? usual : validUntil };
    await writeAdminTokenEnd(tx, id, after.validUntil);
    await appendEvent(tx, isoTime(now), {
      environmentId: eventEnvironment(after),
      cause,
      kind: 'admin-token.renewed',
      outcome: 'success',
      before: auditedAdminToken(before),
      after: auditedAdminToken(after),
    });
    return after;
  });
}

/** The bridge refuses the token from the next request on. Throws 404. */
export async function revokeAdminToken(
  deps: Pick<PropagationDeps, 'db' | 'clock'>,
  id: string,
  cause: Cause,
): Promise<void> {
  await transact(deps.db, async (tx) => {
    const gone = await deleteAdminToken(tx, id);
    if (!gone) throw new RequestError(404, `There is no admin token ${id} here.`);
    await appendEvent(tx, isoTime(deps.clock.now()), {
      environmentId: eventEnvironment(gone),
      cause,
      kind: 'admin-token.revoked',
      outcome: 'success',
      before: auditedAdminToken(gone),
    });
  });
}

/** The environment whose audit log has the token's events. */
function eventEnvironment({ environmentId }: Pick<AdminTokenRecord, 'environmentId'>): string {
  return environmentId ?? DEFAULT_ENVIRONMENT_ID;
}
