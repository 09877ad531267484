/** Begins and ends sessions, each with an event. It stores only the hash of a session's secret. */

import type { AdminTokenRecord } from '../../db/access/adminTokens.ts';
import { deleteSession, insertSession, type SessionRecord } from '../../db/access/sessions.ts';
import { appendEvent } from '../../db/events.ts';
import { DEFAULT_ENVIRONMENT_ID } from '../../db/identity/environments.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';

export interface NewSession {
  readonly session: SessionRecord;
  readonly secretHash: string;
  /** The token for which the session stands. */
  readonly token: AdminTokenRecord;
  /** The code of the sign-in link, which the session uses up; null where there is none. */
  readonly code: SessionRecord | null;
}

/** False where somebody has used the code already. */
export async function beginSession(
  { db }: Pick<PropagationDeps, 'db'>,
  { session, secretHash, token, code }: NewSession,
  correlationId: string,
): Promise<boolean> {
  return transact(db, async (tx) => {
    if (code !== null && !(await deleteSession(tx, code.id))) return false;
    await insertSession(tx, session, secretHash);
    await appendEvent(tx, session.createdAt, {
      environmentId: eventEnvironment(token),
      cause: { correlationId, actor: { type: 'admin', id: token.id, name: token.name } },
      kind: 'session.created',
      outcome: 'success',
      after: audited(session, token),
    });
    return true;
  });
}

/** The bridge refuses the session from the next request on. False where there is no such session. */
export async function endSession(
  { db, clock }: Pick<PropagationDeps, 'db' | 'clock'>,
  session: SessionRecord,
  token: Pick<AdminTokenRecord, 'name' | 'environmentId'>,
  cause: Cause,
): Promise<boolean> {
  return transact(db, async (tx) => {
    if (!(await deleteSession(tx, session.id))) return false;
    await appendEvent(tx, isoTime(clock.now()), {
      environmentId: eventEnvironment(token),
      cause,
      kind: 'session.ended',
      outcome: 'success',
      before: audited(session, token),
    });
    return true;
  });
}

function audited({ id, expiresAt }: SessionRecord, { name }: Pick<AdminTokenRecord, 'name'>) {
  return { id, name, expiresAt };
}

function eventEnvironment({ environmentId }: Pick<AdminTokenRecord, 'environmentId'>): string {
  return environmentId ?? DEFAULT_ENVIRONMENT_ID;
}
