/**
 * What the conformance suite needs to know about a store type to try its connector: a connector, the
 * vendor's state to look at and to meddle with, and the calls at which faults are aimed.
 */

import type { CallContext, Connector, VendorCall } from '../../src/connectors/connector.ts';
import type { Create, Delete, MembershipChange, Switch, Update } from '../../src/model/change.ts';
import type { Attributes } from '../../src/model/desired.ts';
import { RemoteError } from '../../src/model/errors.ts';
import type { Faults } from '../emulator/faults.ts';
import type { EmulatedRequest } from '../emulator/server.ts';

/** The vendor's own state, read and changed past the connector. */
export interface RemoteState {
  /** Makes, by hand, the account that `person(name)` describes; returns its id. */
  seedAccount(name: string, state: 'enabled' | 'disabled'): Promise<string>;
  /** Makes, by hand, the group `groupName(name)`; returns its id. */
  seedGroup(name: string): Promise<string>;
  removeAccount(remoteId: string): Promise<void>;
  removeGroup(remoteId: string): Promise<void>;
  account(remoteId: string): Promise<{ readonly enabled: boolean; readonly attributes: Attributes } | null>;
  group(remoteId: string): Promise<{
    readonly name: string;
    readonly members: readonly { id: string; level: number | null }[];
  } | null>;
  accountCount(): Promise<number>;
}

export type RequestMatch = (request: EmulatedRequest) => boolean;

export interface ConnectorWorld {
  /** With a good credential, on a vendor that holds no account but those that are always there. */
  readonly connector: Connector;
  /** On the same vendor with a credential that it refuses; null where the type has none. */
  readonly impostor: Connector | null;
  /** Where nobody listens; null where the type calls nobody. */
  readonly stranded: Connector | null;
  /** What may show in no error, event or record. */
  readonly secrets: readonly string[];
  /** What the mapping would give for a person: distinct names give distinct people. */
  person(name: string): { readonly identifier: string; readonly attributes: Attributes };
  groupName(name: string): string;
  /** An attribute that accounts have from `person` and that can be changed to `to`. */
  readonly update: { readonly name: string; readonly to: string };
  /** Some level that a membership can have; null where there are none. */
  readonly level: number | null;
  /** How many accounts, more than one page of a scan holds, the paging test seeds. */
  readonly scanCount: number;
  readonly remote: RemoteState;
  /** Null where the type calls nobody. */
  readonly faults: {
    readonly at: Faults;
    readonly readUser: RequestMatch;
    readonly findUser: RequestMatch;
    readonly createUser: RequestMatch;
    readonly disableUser: RequestMatch;
    readonly revoke: RequestMatch;
    /** Which of these calls the vendor ends with an empty 204. */
    readonly emptySuccesses: readonly ('disableUser' | 'revoke')[];
    /** The vendor's own body for "there is no such user", had it this status. */
    noSuchUser(status: number): unknown;
  } | null;
  /** An account that the vendor lets nobody disable; null where there is no such thing. */
  protectedAccount(): Promise<string | null>;
  close(): Promise<void>;
}

/** A context that keeps what was recorded, for one test. */
export function callContext(signal = new AbortController().signal): CallContext & { calls: VendorCall[] } {
  const calls: VendorCall[] = [];
  return { signal, calls, record: (call) => void calls.push(call) };
}

/** The RemoteError that the promise ends with; fails the test where it ends otherwise. */
export async function remoteErrorOf(promise: Promise<unknown>): Promise<RemoteError> {
  const outcome = await promise.then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  );
  if (!(outcome instanceof RemoteError)) throw new Error('expected a RemoteError', { cause: outcome });
  return outcome;
}

export function createUser(world: ConnectorWorld, name: string): Create<'user'> {
  return {
    op: 'create',
    subject: { kind: 'user', id: `person-${name}`, display: name },
    ...world.person(name),
  };
}

/** Groups carry their name as `identifier` and as the attribute `name`. */
export function createGroup(world: ConnectorWorld, name: string): Create<'group'> {
  return {
    op: 'create',
    subject: { kind: 'group', id: `group-${name}`, display: name },
    identifier: world.groupName(name),
    attributes: { name: world.groupName(name) },
  };
}

/** A group's one attribute is `name`. */
export function renameGroup(remoteId: string, from: string, to: string): Update<'group'> {
  return {
    op: 'update',
    subject: { kind: 'group', id: 'group', display: from },
    remoteId,
    attributes: [{ name: 'name', from, to }],
  };
}

export function onAccount(op: 'enable' | 'disable' | 'delete', remoteId: string): Switch | Delete<'user'> {
  return { op, subject: { kind: 'user', id: `person-of-${remoteId}`, display: 'someone' }, remoteId };
}

export function membership(
  op: 'grant' | 'revoke',
  groupId: string,
  accountId: string,
  level: number | null,
): MembershipChange {
  return {
    op,
    subject: { kind: 'group', id: 'group', display: 'a group' },
    remoteId: groupId,
    member: { personId: `person-of-${accountId}`, remoteId: accountId, display: 'someone', level },
  };
}
