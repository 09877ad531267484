/** Makes and revokes admin tokens. Knows a token by its hash alone. */

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

/** Throws a 400 where there is no such environment, 409 where the name is taken in it. */
export async function createAdminToken(
  deps: Pick<PropagationDeps, 'db' | 'clock'>,
  wanted: NewAdminToken,
  tokenHash: string,
  cause: Cause,
): Promise<AdminTokenRecord> {
  const createdAt = isoTime(deps.clock.now());
  const token: AdminTokenRecord = { id: newId(), ...wanted, createdAt, lastUsedAt: null };
  await transact(deps.db, async (tx) => {
    // The lock of `default` is that of the tokens that are bound to no environment.
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
/** From a renewal that says nothing else. */
const RENEWED_DAYS = 30;

export interface Renewal {
  readonly id: string;
  /** Undefined: 30 days from now, or still no end; null: no end. */
  readonly validUntil: string | null | undefined;
  /** Whoever renews a token gives it away anew, so that nobody can renew one that may do more. */
  readonly scopes: ReadonlySet<string>;
}

/** One that has ended is valid again. Throws 403 and 404. */
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

/** It is refused from the next request on. Throws 404. */
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

/** Where the audit log has it. */
function eventEnvironment({ environmentId }: Pick<AdminTokenRecord, 'environmentId'>): string {
  return environmentId ?? DEFAULT_ENVIRONMENT_ID;
}
