/**
 * The bridge's contract of a connector over a simulated vendor. Tells a witness of every write that reaches
 * the vendor, before it is done; what comes in between is the network's.
 */

import type {
  Applied,
  Capabilities,
  Connector,
  MemberOutcome,
  StoreTypeDefinition,
} from '../src/connectors/connector.ts';
import type { MembershipChange } from '../src/model/change.ts';
import type { Desired } from '../src/model/desired.ts';
import type { Remote, RemoteUser } from '../src/model/remote.ts';
import { COMMON_SPECS, groupProvisioningSpec, type SettingSpec } from '../src/model/settings.ts';
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
    settings: [...COMMON_SPECS, groupProvisioningSpec('Create'), ...deleteGroups],
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
    create: () => createConnector(line, process, capabilities),
  };
}

function createConnector(line: Line, process: Process, capabilities: Capabilities): Connector {
  const { vendor } = line;
  const calls = createCalls(line);
  return {
    type: vendor.manners.type,
    capabilities,
    memberLevel: vendor.manners.levels ? GRANTED_LEVEL : null,
    normalize: (desired: Desired) => ({ desired, dropped: [] }),
    check: (context) =>
      calls.read('check', context, () => ({
        status: 'OK' as const,
        details: [],
        tenant: { id: vendor.manners.type, name: vendor.manners.type },
        self: { remoteId: null, identifiers: ['bridge@acme.example'] },
      })),
    find: (kind, identifier, context) =>
      calls.read(`find ${kind} ${identifier}`, context, (state) => {
        if (kind === 'user') return userOrNull(vendor.accountWith(identifier, state));
        return groupOrNull(vendor.groupNamed(identifier, state));
      }),
    read: (kind, remoteId, context) =>
      calls.read(`read ${kind} ${remoteId}`, context, (state) =>
        kind === 'user'
          ? userOrNull(state.accounts.get(remoteId) ?? null)
          : groupOrNull(state.groups.get(remoteId) ?? null),
      ),
    scan: (kind, cursor, context) =>
      calls.read(`list ${kind}s`, context, (state) => {
        const all: readonly Remote[] =
          kind === 'user'
            ? [...state.accounts.values()].map(toUser)
            : [...state.groups.values()].map(toGroup);
        return pageOf(all, cursor);
      }),
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
    apply: (change, context) => {
      const turn = line.witness.turnOf(process);
      return calls.write(`${change.op} ${change.subject.kind} ${change.subject.display}`, context, () =>
        change.subject.kind === 'user'
          ? applyToAccount(line, turn, change)
          : applyToGroup(line, turn, change),
      );
    },
    applyMembers: (changes, context) => {
      const turn = line.witness.turnOf(process);
      return calls.write('change members', context, () => applyMembers(line, turn, changes));
    },
  };
}

function applyToAccount(
  { vendor, witness }: Line,
  turn: Turn,
  change: Parameters<Connector['apply']>[0],
): Applied {
  const { op, subject } = change;
  if (op === 'adopt') return { remoteId: change.remoteId, outcome: 'already' };
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
  change: Extract<Parameters<Connector['apply']>[0], { op: 'update' }>,
  account: Account,
): Applied {
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

function applyToGroup(
  { vendor, witness }: Line,
  turn: Turn,
  change: Parameters<Connector['apply']>[0],
): Applied {
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

function groupOrNull(group: Group | null): Remote | null {
  return group && toGroup(group);
}

function toGroup(group: Group): Remote {
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
