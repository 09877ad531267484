/** Makes and changes connections. Deleting one is in `endings/`. */

import { appendEvent } from '../../db/events.ts';
import {
  type ConnectionRecord,
  everyConnection,
  insertConnection,
  lockConnection,
  type ReusedIdentifiers,
  type Strategy,
  USER_ID_ATTRIBUTES,
  updateConnection,
} from '../../db/identity/connections.ts';
import { lockEnvironment } from '../../db/identity/environments.ts';
import type { Db } from '../../db/open.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import { isPulledStrategy } from '../../model/pull/pull.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { newId } from '../../support/ids.ts';
import { refuseOtherVersion, refuseTakenName, timeAfter, type Versions } from '../conflicts.ts';
import { auditedConnection } from './audited.ts';
import { handleFor, refuseTakenHandle, refuseWhileNamed } from './handles.ts';

type Deps = Pick<PropagationDeps, 'db' | 'clock'>;

/** The settings of a connection that an admin chooses. */
export interface ConnectionInput
  extends Pick<ConnectionRecord, 'name' | 'strategy' | 'unknownAttributes' | 'retentionDays' | 'metadata'> {
  /** Absent: a new connection gets one made from its name, an existing one keeps its own. */
  readonly handle?: string | undefined;
  /** Read-only: the bridge refuses any value but the present one. */
  readonly isPrimary?: boolean | undefined;
  /** The connection brings no people, and so is never the primary one. */
  readonly enriches?: boolean | undefined;
  /** Absent: true for the primary connection, false for any other. */
  readonly matchPeople?: boolean | undefined;
  readonly reusedIdentifiers: ReusedIdentifiers;
  readonly silentAfterHours: number | null;
}

/** Throws 404, or 409 where the name or the handle is taken, or the environment is being deleted. */
export async function createConnection(
  deps: Deps,
  environmentId: string,
  input: ConnectionInput,
  cause: Cause,
  also: Also = nothingElse,
): Promise<ConnectionRecord> {
  const at = isoTime(deps.clock.now());
  return transact(deps.db, async (tx) => {
    // The lock makes exactly one of two first connections the primary one.
    const others = await othersIn(tx, environmentId, null);
    refuseTakenName('connection', input.name, others);
    const isPrimary = !input.enriches && !others.some((other) => other.isPrimary);
    refuseOtherPrimary(input.isPrimary, isPrimary);
    const taken = handlesOf(others);
    if (input.handle !== undefined) refuseTakenHandle(input.handle, taken);
    const connection: ConnectionRecord = {
      id: newId(),
      environmentId,
      ...described(input, isPrimary),
      handle: input.handle ?? handleFor(input.name, taken),
      isPrimary,
      userIdAttribute: USER_ID_ATTRIBUTES[input.strategy],
      mapping: null,
      createdAt: at,
      updatedAt: at,
      deletion: null,
    };
    await insertConnection(tx, connection);
    await also(tx, connection);
    await appendEvent(tx, at, {
      environmentId,
      cause,
      kind: 'connection.created',
      outcome: 'success',
      after: auditedConnection(connection),
    });
    return connection;
  });
}

/** Throws 404, 409 as `createConnection` does, or 412 where the connection has another version than expected. */
export async function changeConnection(
  deps: Deps,
  { environmentId, id }: Pick<ConnectionRecord, 'environmentId' | 'id'>,
  input: ConnectionInput,
  expected: Versions,
  cause: Cause,
  also: Also = nothingElse,
): Promise<ConnectionRecord> {
  return transact(deps.db, async (tx) => {
    const others = await othersIn(tx, environmentId, id);
    const before = await lockConnection(tx, environmentId, id);
    if (!before) throw new RequestError(404, `There is no connection ${id} here.`);
    refuseDeleting('connection', before);
    refuseOtherVersion(expected, before);
    refuseOtherPrimary(input.isPrimary, before.isPrimary);
    if (input.name !== before.name) refuseTakenName('connection', input.name, others);
    const handle = input.handle ?? before.handle;
    refuseTakenHandle(handle, handlesOf(others));
    if (handle !== before.handle) await refuseWhileNamed(tx, before, '/handle');
    refuseOtherMode(before.strategy, input.strategy);
    const userIdAttribute = userIdAttributeAfter(before, input.strategy);
    const at = timeAfter(before.updatedAt, deps.clock);
    const after = {
      ...before,
      ...described(input, before.isPrimary),
      handle,
      userIdAttribute,
      updatedAt: at,
    };
    await updateConnection(tx, after);
    await also(tx, after);
    await appendEvent(tx, at, {
      environmentId,
      cause,
      kind: 'connection.updated',
      outcome: 'success',
      before: auditedConnection(before),
      after: auditedConnection(after),
    });
    return after;
  });
}

/** What a pulled connection adds to the same transaction. */
type Also = (tx: Db, connection: ConnectionRecord) => Promise<void>;

const nothingElse: Also = async () => {};

/** A connection never changes between pushing and pulling, nor from one kind of directory to another. */
function refuseOtherMode(before: Strategy, next: Strategy): void {
  if (before === next || (!isPulledStrategy(before) && !isPulledStrategy(next))) return;
  const detail = `strategy stays ${before}: make another connection for ${next}, and move people over`;
  throw new RequestError(400, 'The strategy of this connection does not change.', [
    { pointer: '/strategy', detail },
  ]);
}

function described(input: ConnectionInput, isPrimary: boolean) {
  const { name, strategy, unknownAttributes, reusedIdentifiers, retentionDays, metadata } = input;
  const { matchPeople = isPrimary, silentAfterHours } = input;
  return {
    ...{ name, strategy, unknownAttributes, matchPeople, reusedIdentifiers, retentionDays, metadata },
    silentAfterHours,
  };
}

/** Locks the environment, so that nobody else takes the name or handle meanwhile. */
async function othersIn(
  tx: Db,
  environmentId: string,
  id: string | null,
): Promise<readonly ConnectionRecord[]> {
  const environment = await lockEnvironment(tx, environmentId);
  if (!environment) throw new RequestError(404, `There is no environment ${environmentId} here.`);
  if (id === null) refuseDeleting('environment', environment);
  return (await everyConnection(tx, environmentId)).filter((connection) => connection.id !== id);
}

function handlesOf(connections: readonly ConnectionRecord[]): ReadonlySet<string> {
  return new Set(connections.map(({ handle }) => handle));
}

export function refuseDeleting(
  what: string,
  { name, deletion }: Pick<ConnectionRecord, 'name' | 'deletion'>,
): void {
  if (!deletion) return;
  throw new RequestError(409, `The ${what} ${name} is being deleted; it does not change any more.`);
}

/** A new strategy brings its default, unless an admin chose another attribute. */
function userIdAttributeAfter({ strategy, userIdAttribute }: ConnectionRecord, next: Strategy): string {
  return userIdAttribute === USER_ID_ATTRIBUTES[strategy] ? USER_ID_ATTRIBUTES[next] : userIdAttribute;
}

function refuseOtherPrimary(asked: boolean | undefined, isPrimary: boolean): void {
  if (asked === undefined || asked === isPrimary) return;
  const detail =
    'isPrimary cannot be chosen: the first connection of an environment, or the first that brings a user, is its primary one';
  throw new RequestError(400, 'isPrimary is read only.', [{ pointer: '/isPrimary', detail }]);
}
