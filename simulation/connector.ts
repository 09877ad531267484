/**
 * The bridge's contract of a connector over a simulated vendor. Tells a witness of every write that reaches
 * the vendor, before it is done; what comes in between is the network's.
 */

import {
  type Applied,
  assemble,
  type Capabilities,
  type Connector,
  type MemberOutcome,
  type StoreTypeDefinition,
} from '../src/connectors/connector.ts';
import type { MembershipChange, Update, Write } from '../src/model/change.ts';
import { commonSpecs } from '../src/model/commonSettings.ts';
import type { RemoteGroup, RemoteUser } from '../src/model/remote.ts';
import type { SettingSpec } from '../src/model/settings.ts';
import { createCalls, type Line, refusal, type Turn, type Witness } from './network.ts';
import type { Process } from './scheduler.ts';
import { type Account, GRANTED_LEVEL, type Group, type Vendor } from './vendor.ts';

const PAGE_SIZE = 4;

const HANDLE_ATTRIBUTE = { name: 'handle', description: 'Unique.', required: true, keptOnAdoption: true };

export function createSimulatedType(line: Line, process: Process): StoreTypeDefinition {
  const { manners } = line.vendor;
  const capabilities: Capabilities = {
    deleteUsers: manners.deleteUsers,
    createGroups: true,
    renameGroups: true,
    deleteGroups: manners.deleteGroups,
    disableDropsMemberships: manners.disableDropsMemberships,
    membershipLevels: manners.levels,
    membersPerCallMax: manners.membersPerCallMax,
  };
  const deleteGroups: SettingSpec[] = manners.deleteGroups
    ? [{ key: 'DELETE_GROUPS', type: 'boolean', default: false, description: 'Delete groups it created.' }]
    : [];
  return {
    type: manners.type,
    settings: [...commonSpecs({ groupProvisioning: 'Create' }), ...deleteGroups],
    capabilities,
    userAttributes: [
      { name: 'primaryEmail', description: 'The address.', required: true },
      { name: 'displayName', description: 'The name.', required: false },
      { name: 'title', description: 'The title.', required: false },
      ...(manners.handles ? [HANDLE_ATTRIBUTE] : []),
    ],
    defaultMapping: [
      { targetAttribute: 'primaryEmail', sourceAttribute: 'primaryEmail' },
      { targetAttribute: 'displayName', sourceAttribute: 'displayName' },
      { targetAttribute: 'title', sourceAttribute: 'title' },
      ...(manners.handles ? [{ targetAttribute: 'handle', sourceAttribute: 'userName' }] : []),
    ],
    identifierAttributes: { primaryEmail: 'primaryEmail', userName: 'handle' },
    hostKeys: [],
    create: ({ configuration }) =>
      createConnector(line, process, { ...capabilities, deleteGroups: configuration.DELETE_GROUPS === true }),
  };
}

function createConnector(line: Line, process: Process, capabilities: Capabilities): Connector {
  const { vendor } = line;
  const calls = createCalls(line);
  return assemble({
    type: vendor.manners.type,
    capabilities,
    check: (context) =>
      calls.read('check', context, () => ({
        status: 'OK' as const,
        details: [],
        tenant: { id: vendor.manners.type, name: vendor.manners.type },
        self: { remoteId: null, identifiers: ['bridge@acme.example'] },
      })),
    user: {
      normalize: (desired) => ({ desired, dropped: [] }),
      find: (identifier, context) =>
        calls.read(`find user ${identifier}`, context, (state) =>
          userOrNull(vendor.accountWith(identifier, state)),
        ),
      read: (remoteId, context) =>
        calls.read(`read user ${remoteId}`, context, (state) =>
          userOrNull(state.accounts.get(remoteId) ?? null),
        ),
      scan: (cursor, context) =>
        calls.read('list users', context, (state) =>
          pageOf([...state.accounts.values()].map(toUser), cursor),
        ),
      apply: (change, context) => {
        const turn = line.witness.turnOf(process);
        return calls.write(`${change.op} user ${change.subject.display}`, context, () =>
          applyToAccount(line, turn, change),
        );
      },
    },
    group: {
      normalize: (desired) => ({ desired, dropped: [] }),
      find: (name, context) =>
        calls.read(`find group ${name}`, context, (state) => groupOrNull(vendor.groupNamed(name, state))),
      read: (remoteId, context) =>
        calls.read(`read group ${remoteId}`, context, (state) =>
          groupOrNull(state.groups.get(remoteId) ?? null),
        ),
      scan: (cursor, context) =>
        calls.read('list groups', context, (state) =>
          pageOf([...state.groups.values()].map(toGroup), cursor),
        ),
      apply: (change, context) => {
        const turn = line.witness.turnOf(process);
        return calls.write(`${change.op} group ${change.subject.display}`, context, () =>
          applyToGroup(line, turn, change),
        );
      },
    },
    members: {
      memberLevel: vendor.manners.levels ? GRANTED_LEVEL : null,
      members: (groupId, cursor, context) =>
        calls.read(`members of ${groupId}`, context, (state) => {
          const group = state.groups.get(groupId);
          if (!group) throw refusal(vendor, `read ${groupId}`, 'missing', 404);
          const all = [...group.members].map(([remoteId, level]) => ({
            remoteId,
            display: state.accounts.get(remoteId)?.identifier ?? remoteId,
            level: vendor.manners.levels ? level : null,
          }));
          return pageOf(all, cursor);
        }),
      applyMembers: (changes, context) => {
        const turn = line.witness.turnOf(process);
        return calls.write('change members', context, () => applyMembers(line, turn, changes));
      },
    },
  });
}

function applyToAccount({ vendor, witness }: Line, turn: Turn, change: Write<'user'>): Applied<'user'> {
  const { op, subject } = change;
  if (op === 'create') {
    const wanted = change.attributes.handle;
    const handle = wanted === undefined ? undefined : freeHandle(vendor, wanted);
    const attributes: Record<string, string> = {
      ...change.attributes,
      ...(handle === undefined ? {} : { handle }),
    };
    if (vendor.accountWith(attributes.primaryEmail ?? '')) throw refusal(vendor, op, 'conflict', 409);
    const write = { op, subject, remoteId: '', attributes };
    witness.before(turn, write);
    const account = vendor.createAccount(attributes);
    if (!account) throw refusal(vendor, op, 'rejected', 400);
    witness.created(write, account.id);
    return {
      remoteId: account.id,
      outcome: 'done',
      observed: toUser(account),
      ...(handle === wanted || handle === undefined ? {} : { sent: { handle } }),
    };
  }
  const { remoteId } = change;
  const account = vendor.state.accounts.get(remoteId);
  if (!account) {
    if (op === 'disable' || op === 'delete') return { remoteId, outcome: 'already' };
    throw refusal(vendor, op, 'missing', 404);
  }
  if (op === 'update') return updateAccount(vendor, witness, turn, change, account);
  const already =
    (op === 'enable' && account.state === 'enabled') || (op === 'disable' && account.state === 'disabled');
  if (already) return { remoteId, outcome: 'already' };
  if (op !== 'enable' && account.owner) throw refusal(vendor, op, 'forbidden', 403);
  if (account.state === 'locked') throw refusal(vendor, op, 'forbidden', 403);
  witness.before(turn, { op, subject, remoteId });
  if (op === 'enable') account.state = 'enabled';
  if (op === 'disable') vendor.disable(account);
  if (op === 'delete') vendor.deleteAccount(remoteId);
  return { remoteId, outcome: 'done' };
}

function updateAccount(
  vendor: Vendor,
  witness: Witness,
  turn: Turn,
  change: Update<'user'>,
  account: Account,
): Applied<'user'> {
  const { op, subject, remoteId } = change;
  const attributes: Record<string, string> = Object.fromEntries(
    change.attributes.map(({ name, to }) => [name, to]),
  );
  const email = attributes.primaryEmail?.toLowerCase();
  const other = email === undefined ? null : vendor.accountWith(email);
  if (other && other.id !== account.id) throw refusal(vendor, op, 'rejected', 409);
  const sent: Record<string, string> = {};
  if (attributes.handle !== undefined && vendor.handleTaken(attributes.handle, account.id)) {
    attributes.handle = account.attributes.handle ?? freeHandle(vendor, attributes.handle);
    sent.handle = attributes.handle;
  }
  witness.before(turn, { op, subject, remoteId, attributes });
  account.attributes = { ...account.attributes, ...attributes };
  if (email !== undefined) account.identifier = email;
  return { remoteId, outcome: 'done', observed: toUser(account), sent };
}

function freeHandle(vendor: Vendor, wanted: string): string {
  let handle = wanted;
  for (let n = 2; vendor.handleTaken(handle, null); n++) handle = `${wanted}${n}`;
  return handle;
}

function applyToGroup({ vendor, witness }: Line, turn: Turn, change: Write<'group'>): Applied<'group'> {
  const { op, subject } = change;
  if (op === 'create') {
    if (vendor.groupNamed(change.identifier)) throw refusal(vendor, op, 'conflict', 409);
    const write = { op, subject, remoteId: '', attributes: { name: change.identifier } };
    witness.before(turn, write);
    const group = vendor.createGroup(change.identifier);
    if (!group) throw refusal(vendor, op, 'rejected', 400);
    witness.created(write, group.id);
    return { remoteId: group.id, outcome: 'done', observed: toGroup(group) };
  }
  const { remoteId } = change;
  const group = vendor.state.groups.get(remoteId);
  if (!group) {
    if (op === 'delete') return { remoteId, outcome: 'already' };
    throw refusal(vendor, op, 'missing', 404);
  }
  if (op === 'update') {
    const name = change.attributes[0]?.to ?? '';
    const other = vendor.groupNamed(name);
    if (other && other.id !== remoteId) throw refusal(vendor, op, 'rejected', 409);
    witness.before(turn, { op, subject, remoteId, attributes: { name } });
    group.name = name;
  }
  if (op === 'delete') {
    witness.before(turn, { op, subject, remoteId });
    vendor.state.groups.delete(remoteId);
  }
  return { remoteId, outcome: 'done' };
}

function applyMembers(
  { vendor, witness }: Line,
  turn: Turn,
  changes: readonly MembershipChange[],
): readonly MemberOutcome[] {
  const [first] = changes;
  if (!first) return [];
  const group = vendor.state.groups.get(first.remoteId);
  if (!group && first.op === 'grant') throw refusal(vendor, first.op, 'missing', 404);
  return changes.map((change): MemberOutcome => {
    const { remoteId } = change.member;
    const write = {
      op: change.op,
      subject: change.subject,
      remoteId: change.remoteId,
      member: change.member,
    };
    if (change.op === 'grant') {
      const account = vendor.state.accounts.get(remoteId);
      if (account?.state !== 'enabled') return { remoteId, outcome: 'refused', reason: 'no such account' };
      const level = change.member.level ?? GRANTED_LEVEL;
      if ((group?.members.get(remoteId) ?? -1) >= level) return { remoteId, outcome: 'already' };
      witness.before(turn, write);
      group?.members.set(remoteId, level);
      return { remoteId, outcome: 'done' };
    }
    if (!group?.members.has(remoteId)) return { remoteId, outcome: 'already' };
    witness.before(turn, write);
    group.members.delete(remoteId);
    return { remoteId, outcome: 'done' };
  });
}

function userOrNull(account: Account | null): RemoteUser | null {
  return account && toUser(account);
}

function toUser(account: Account): RemoteUser {
  return {
    kind: 'user',
    remoteId: account.id,
    display: account.identifier,
    state: account.state,
    identifier: account.identifier,
    attributes: { ...account.attributes },
  };
}

function groupOrNull(group: Group | null): RemoteGroup | null {
  return group && toGroup(group);
}

function toGroup(group: Group): RemoteGroup {
  return { kind: 'group', remoteId: group.id, display: group.name, name: group.name };
}

/** By key, so that what vanishes between two pages hides nobody. */
function pageOf<T extends { readonly remoteId: string }>(all: readonly T[], cursor: string | null) {
  const after = cursor === null ? -1 : Number(cursor);
  const rest = all
    .map((item) => ({ item, key: Number(item.remoteId.split('-').at(-1)) }))
    .filter(({ key }) => key > after)
    .sort((a, b) => a.key - b.key);
  const page = rest.slice(0, PAGE_SIZE);
  const last = page.at(-1);
  return {
    items: page.map(({ item }) => item),
    nextCursor: rest.length > PAGE_SIZE && last ? String(last.key) : null,
  };
}
