/** A store type that the product does not have: one folder, and one line where a registry is made. */

import { assemble } from '../../../../src/connectors/assemble.ts';
import type {
  Capabilities,
  Connector,
  KindConnector,
  MemberConnector,
  StoreTypeDefinition,
} from '../../../../src/connectors/connector.ts';
import { commonSpecs } from '../../../../src/model/commonSettings.ts';
import { type Disposition, RemoteError } from '../../../../src/model/errors.ts';
import type { Page } from '../../../../src/model/remote.ts';
import { type SettingSpec, settingsOf } from '../../../../src/model/settings.ts';
import type { Account, Group, Notebook } from './notebook.ts';

const SPECS = [
  { key: 'TITLE', type: 'string', required: true, description: 'What is written on the cover.' },
  ...commonSpecs({ groupProvisioning: 'Create' }),
] as const satisfies readonly SettingSpec[];

const CAPABILITIES: Capabilities = {
  deleteUsers: true,
  createGroups: true,
  renameGroups: false,
  deleteGroups: false,
  disableKeepsMemberships: true,
  membershipLevels: false,
  membersPerCallMax: 10,
};

/** `open` finds the notebook with this title, or begins it. */
export function notebookType(open: (title: string) => Notebook): StoreTypeDefinition {
  return {
    type: 'Notebook',
    settings: SPECS,
    capabilities: CAPABILITIES,
    userAttributes: [
      { name: 'email', description: 'The address.', required: true },
      { name: 'name', description: 'The name.', required: false },
    ],
    defaultMapping: [
      { targetAttribute: 'email', sourceAttribute: 'primaryEmail' },
      { targetAttribute: 'name', sourceAttribute: 'displayName' },
    ],
    identifierAttributes: { primaryEmail: 'email', userName: 'email' },
    reach: 'public',
    hostKeys: [],
    create({ configuration }) {
      const { title } = settingsOf(SPECS, configuration);
      return connectorOf(title, open(title));
    },
  };
}

function connectorOf(title: string, notebook: Notebook): Connector {
  return assemble({
    type: 'Notebook',
    capabilities: CAPABILITIES,
    check: async () => ({ status: 'OK', details: [], tenant: { id: title, name: title }, self: null }),
    user: usersOf(notebook),
    group: groupsOf(notebook),
    members: membersOf(notebook),
  });
}

function usersOf(notebook: Notebook): KindConnector<'user'> {
  return {
    normalize: (desired) => ({ desired, dropped: [] }),
    find: async (email) => remoteUser(notebook.accountOf(email)),
    read: async (id) => remoteUser(notebook.accounts.get(id) ?? null),
    scan: async (cursor) => pageOf([...notebook.accounts.values()].map(toUser), cursor),
    async apply(change) {
      if (change.op === 'create') {
        if (notebook.accountOf(change.identifier)) throw failed('create', 'conflict');
        const account = notebook.addAccount(change.identifier, change.attributes);
        return { remoteId: account.id, outcome: 'done', observed: toUser(account) };
      }
      const { op, remoteId } = change;
      const account = notebook.accounts.get(remoteId);
      if (!account) {
        if (op === 'disable' || op === 'delete') return { remoteId, outcome: 'gone' };
        throw failed(op, 'missing');
      }
      if (op === 'delete') notebook.removeAccount(remoteId);
      else if (op === 'update') {
        const to = Object.fromEntries(change.attributes.map((attribute) => [attribute.name, attribute.to]));
        notebook.write(remoteId, {
          attributes: { ...account.attributes, ...to },
          ...(to.email ? { email: to.email.toLowerCase() } : {}),
        });
      } else notebook.write(remoteId, { enabled: op === 'enable' });
      return { remoteId, outcome: 'done' };
    },
  };
}

function groupsOf(notebook: Notebook): KindConnector<'group'> {
  return {
    normalize: (desired) => ({ desired, dropped: [] }),
    find: async (name) => remoteGroup(notebook.groupNamed(name)),
    read: async (id) => remoteGroup(notebook.groups.get(id) ?? null),
    scan: async (cursor) => pageOf([...notebook.groups.values()].map(toGroup), cursor),
    async apply(change) {
      if (change.op !== 'create') throw failed(change.op, 'rejected');
      if (notebook.groupNamed(change.identifier)) throw failed('create', 'conflict');
      const group = notebook.addGroup(change.identifier);
      return { remoteId: group.id, outcome: 'done', observed: toGroup(group) };
    },
  };
}

function membersOf(notebook: Notebook): MemberConnector {
  return {
    memberLevel: null,
    async members(groupId, cursor) {
      const group = notebook.groups.get(groupId);
      if (!group) throw failed('read', 'missing');
      const found = [...group.members].map((remoteId) => ({ remoteId, display: remoteId, level: null }));
      return pageOf(found, cursor);
    },
    async applyMembers(changes) {
      const group = notebook.groups.get(changes[0]?.remoteId ?? '');
      if (!group && changes.length > 0) throw failed('change members', 'missing');
      return changes.map(({ op, member: { remoteId } }) => {
        const isMember = group?.members.has(remoteId) ?? false;
        if (isMember === (op === 'grant')) return { remoteId, outcome: 'already' };
        if (op === 'grant') group?.members.add(remoteId);
        else group?.members.delete(remoteId);
        return { remoteId, outcome: 'done' };
      });
    },
  };
}

function failed(op: string, disposition: Disposition): RemoteError {
  return new RemoteError(`The notebook did not ${op}`, { store: 'Notebook', action: op, disposition });
}

function toUser({ id, email, enabled, attributes }: Account) {
  const state = enabled ? ('enabled' as const) : ('disabled' as const);
  return { kind: 'user' as const, remoteId: id, display: email, state, identifier: email, attributes };
}

function remoteUser(account: Account | null) {
  return account && toUser(account);
}

function toGroup({ id, name }: Group) {
  return { kind: 'group' as const, remoteId: id, display: name, name };
}

function remoteGroup(group: Group | null) {
  return group && toGroup(group);
}

const PAGE_SIZE = 5;

function pageOf<T extends { readonly remoteId: string }>(all: readonly T[], cursor: string | null): Page<T> {
  const rest = all.filter(({ remoteId }) => cursor === null || remoteId > cursor);
  const items = rest.slice(0, PAGE_SIZE);
  return { items, nextCursor: rest.length > PAGE_SIZE ? (items.at(-1)?.remoteId ?? null) : null };
}
