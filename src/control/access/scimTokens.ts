/** Makes and revokes the SCIM tokens of a connection. It stores only the hash of a token. */

import {
  countScimTokens,
  deleteScimToken,
  insertScimToken,
  namesOfScimTokens,
  SCIM_TOKENS_MAX,
  type ScimTokenRecord,
} from '../../db/access/scimTokens.ts';
import { appendEvent } from '../../db/events.ts';
import { type ConnectionRecord, lockConnection } from '../../db/identity/connections.ts';
import { lockEnvironment } from '../../db/identity/environments.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { newId } from '../../support/ids.ts';
import { refuseTakenName } from '../conflicts.ts';
import { auditedScimToken } from '../identity/audited.ts';
import { refuseDeleting } from '../identity/connections.ts';

type Deps = Pick<PropagationDeps, 'db' | 'clock'>;
type Of = Pick<ConnectionRecord, 'environmentId' | 'id'>;

export interface NewScimToken extends Pick<ScimTokenRecord, 'name' | 'scopes'> {
  /** null: valid until it is revoked. */
  readonly lifetimeSeconds: number | null;
}

/** Throws 404, or 409 where the name is taken, the connection has too many tokens, or is being deleted. */
export async function createScimToken(
  deps: Deps,
  { environmentId, id }: Of,
  { name, scopes, lifetimeSeconds }: NewScimToken,
  tokenHash: string,
  cause: Cause,
): Promise<ScimTokenRecord> {
  const now = deps.clock.now();
  const token: ScimTokenRecord = {
    id: newId(),
    environmentId,
    connectionId: id,
    name,
    scopes,
    createdAt: isoTime(now),
    validUntil: lifetimeSeconds === null ? null : isoTime(now + lifetimeSeconds * 1000),
    lastUsedAt: null,
  };
  await transact(deps.db, async (tx) => {
    await lockEnvironment(tx, environmentId);
    const connection = await lockConnection(tx, environmentId, id);
    if (!connection) throw new RequestError(404, `There is no connection ${id} here.`);
    refuseDeleting('connection', connection);
    if ((await countScimTokens(tx, id)) >= SCIM_TOKENS_MAX) {
      throw new RequestError(
        409,
        `${connection.name} has ${SCIM_TOKENS_MAX} tokens, the most there may be; revoke the ones that are not used any more.`,
      );
    }
    if (name !== null) refuseTakenName('SCIM token', name, await namesOfScimTokens(tx, environmentId));
    await insertScimToken(tx, token, tokenHash);
    await appendEvent(tx, token.createdAt, {
      environmentId,
      cause,
      kind: 'scim-token.created',
      outcome: 'success',
      after: auditedScimToken(token),
    });
  });
  return token;
}

/** The bridge refuses the token from the next request on. Throws 404. */
export async function revokeScimToken(
  deps: Deps,
  { environmentId, id }: Of,
  tokenId: string,
  cause: Cause,
): Promise<void> {
  await transact(deps.db, async (tx) => {
    const gone = await deleteScimToken(tx, id, tokenId);
    if (!gone) throw new RequestError(404, `There is no SCIM token ${tokenId} here.`);
    await appendEvent(tx, isoTime(deps.clock.now()), {
      environmentId,
      cause,
      kind: 'scim-token.revoked',
      outcome: 'success',
      before: auditedScimToken(gone),
    });
  });
}
