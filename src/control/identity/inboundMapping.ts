/**
 * An admin sets which attributes of an identity provider feed those of the directory. Every active store then looks
 * at everybody again, as after a change of its own settings.
 */

import { isDeepStrictEqual } from 'node:util';
import { appendEvent } from '../../db/events.ts';
import {
  type ConnectionRecord,
  type InboundMapping,
  lockConnection,
  USER_ID_ATTRIBUTES,
  updateConnection,
} from '../../db/identity/connections.ts';
import { remapUsers } from '../../db/identity/mappedColumns.ts';
import { transact } from '../../db/transaction.ts';
import { effectiveInbound, mappedResource } from '../../directory/inbound.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import { MANAGER } from '../../model/source.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { refuseOtherVersion, timeAfter, type Versions } from '../conflicts.ts';
import { replanStores } from '../endings/directoryChange.ts';
import { auditedConnection } from './audited.ts';
import { refuseDeleting } from './connections.ts';

export interface InboundInput {
  /** Undefined: the strategy's default. */
  readonly userIdAttribute: string | undefined;
  /** Differences from the default; null where there are none. */
  readonly mapping: readonly InboundMapping[] | null;
}

/** Throws 404, 409 where the connection is being deleted, 412 where it has another version than expected. */
export async function changeInboundMapping(
  deps: PropagationDeps,
  { environmentId, id }: Pick<ConnectionRecord, 'environmentId' | 'id'>,
  { mapping, ...chosen }: InboundInput,
  expected: Versions,
  cause: Cause,
): Promise<ConnectionRecord> {
  const { connection, remapped } = await transact(deps.db, async (tx) => {
    const before = await lockConnection(tx, environmentId, id);
    if (!before) throw new RequestError(404, `There is no connection ${id} here.`);
    refuseDeleting('connection', before);
    refuseOtherVersion(expected, before);
    const userIdAttribute = chosen.userIdAttribute ?? USER_ID_ATTRIBUTES[before.strategy];
    const remapped = !isDeepStrictEqual(before.mapping, mapping);
    if (!remapped && userIdAttribute === before.userIdAttribute) return { connection: before, remapped };
    const at = timeAfter(before.updatedAt, deps.clock);
    const after: ConnectionRecord = { ...before, userIdAttribute, mapping, updatedAt: at };
    await updateConnection(tx, after);
    await appendEvent(tx, at, {
      environmentId,
      cause,
      kind: 'connection.updated',
      outcome: 'success',
      before: auditedConnection(before),
      after: auditedConnection(after),
    });
    const moves = (attribute: string) => sourceOf(before.mapping, attribute) !== sourceOf(mapping, attribute);
    if (moves('primaryEmail') || moves(MANAGER)) await remapUsers(tx, id, mappedResource(mapping));
    if (remapped) await replanStores(tx, at, environmentId, cause);
    return { connection: after, remapped };
  });
  if (remapped) deps.wake.signal();
  return connection;
}

function sourceOf(overrides: readonly InboundMapping[] | null, wanted: string): string | null {
  return effectiveInbound(overrides).find(({ attribute }) => attribute === wanted)?.scim ?? null;
}
