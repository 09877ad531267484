/**
 * The Demo connector: a store without a vendor, whose accounts and groups live in the bridge's own
 * database. It behaves as a well-mannered vendor would, and calls nobody.
 */

import type { Desired } from '../../model/desired.ts';
import type { Page, Remote, RemoteGroup, RemoteMember, RemoteUser } from '../../model/remote.ts';
import type { CommonSettings } from '../../model/settings.ts';
import type { Kind } from '../../model/subject.ts';
import type { Applied, Connector, ConnectorDeps, MemberOutcome } from '../connector.ts';
import type { DemoAccount, DemoAccounts, DemoGroup } from './accounts.ts';
import { attempt, demoError } from './errors.ts';
import { DEMO_ATTRIBUTES, DEMO_CAPABILITIES } from './settings.ts';

const PAGE_SIZE = 200;

type IdentifiedBy = CommonSettings['uniqueUserIdentifier'];
type SubjectChange = Parameters<Connector['apply']>[0];
type MembershipChanges = Parameters<Connector['applyMembers']>[0];

export function createDemoConnector(
  accounts: DemoAccounts,
  deps: Pick<ConnectorDeps, 'settings' | 'storeId'>,
): Connector {
  const { storeId } = deps;
  const identifiedBy = deps.settings.uniqueUserIdentifier;
  return {
    type: 'Demo',
    capabilities: DEMO_CAPABILITIES,
    memberLevel: null,
    normalize,
    check: async () => ({
      status: 'OK',
      details: [],
      tenant: { id: storeId, name: 'Demo' },
      self: null,
    }),
    find: (kind, identifier) =>
      attempt(`find ${kind} ${identifier}`, false, () =>
        look(accounts, storeId, identifiedBy, kind, identifier, 'name'),
      ),
    read: (kind, remoteId) =>
      attempt(`read ${kind} ${remoteId}`, false, () =>
        look(accounts, storeId, identifiedBy, kind, remoteId, 'id'),
      ),
    scan: (kind, cursor) =>
      attempt(`list ${kind}s`, false, () => scan(accounts, storeId, identifiedBy, kind, cursor)),
    members: (groupId, cursor) =>
      attempt(`read group ${groupId}`, false, () => members(accounts, storeId, groupId, cursor)),
    apply: (change) => {
      const action = `${change.op} ${change.subject.kind} ${change.subject.display}`;
      return attempt(action, true, () =>
        change.subject.kind === 'user'
          ? applyToAccount(accounts, storeId, identifiedBy, change, action)
          : applyToGroup(accounts, storeId, change, action),
      );
    },
    applyMembers: (changes) =>
      attempt('change members', true, () => applyMembers(accounts, storeId, changes)),
  };
}

const KNOWN = new Set(DEMO_ATTRIBUTES.map((attribute) => attribute.name));

function normalize(desired: Desired): { desired: Desired; dropped: string[] } {
  if (desired.kind === 'group') return { desired: { ...desired, name: desired.name.trim() }, dropped: [] };
  const entries = Object.entries(desired.attributes).map(([name, value]) => [name, value.trim()] as const);
  return {
    desired: {
      ...desired,
      identifier: desired.identifier?.trim() || null,
      attributes: Object.fromEntries(entries.filter(([name]) => KNOWN.has(name))),
    },
    dropped: entries.map(([name]) => name).filter((name) => !KNOWN.has(name)),
  };
}

function toRemoteUser(account: DemoAccount, identifiedBy: IdentifiedBy): RemoteUser {
  // The attribute has the case that people wrote; the identifier is what look-ups compare.
  const written = account.attributes[identifiedBy];
  const identifier = written?.toLowerCase() === account.identifierLower ? written : account.identifierLower;
  return {
    kind: 'user',
    remoteId: account.id,
    display: account.attributes.displayName || identifier,
    state: account.enabled ? 'enabled' : 'disabled',
    identifier,
    attributes: account.attributes,
  };
}

function toRemoteGroup(group: DemoGroup): RemoteGroup {
  return { kind: 'group', remoteId: group.id, display: group.name, name: group.name };
}

async function look(
  accounts: DemoAccounts,
  storeId: string,
  identifiedBy: IdentifiedBy,
  kind: Kind,
  key: string,
  by: 'id' | 'name',
): Promise<Remote | null> {
  if (kind === 'group') {
    const group = await (by === 'id' ? accounts.group(storeId, key) : accounts.groupByName(storeId, key));
    return group && toRemoteGroup(group);
  }
  const account = await (by === 'id'
    ? accounts.account(storeId, key)
    : accounts.accountByIdentifier(storeId, key));
  return account && toRemoteUser(account, identifiedBy);
}

async function scan(
  accounts: DemoAccounts,
  storeId: string,
  identifiedBy: IdentifiedBy,
  kind: Kind,
  cursor: string | null,
): Promise<Page<Remote>> {
  if (kind === 'group') {
    const groups = await accounts.groups(storeId, cursor, PAGE_SIZE);
    return page(groups.map(toRemoteGroup));
  }
  const found = await accounts.accounts(storeId, cursor, PAGE_SIZE);
  return page(found.map((account) => toRemoteUser(account, identifiedBy)));
}

/** A full page may have a successor; its cursor is the last id. */
function page<T extends { readonly remoteId: string }>(items: readonly T[]): Page<T> {
  return { items, nextCursor: items.length < PAGE_SIZE ? null : (items.at(-1)?.remoteId ?? null) };
}

async function members(
  accounts: DemoAccounts,
  storeId: string,
  groupId: string,
  cursor: string | null,
): Promise<Page<RemoteMember>> {
  if (!(await accounts.group(storeId, groupId))) {
    throw demoError(`read group ${groupId}`, 'missing', 'there is no such group');
  }
  const found = await accounts.members(groupId, cursor, PAGE_SIZE);
  return page(
    found.map(({ accountId, identifierLower }) => ({
      remoteId: accountId,
      display: identifierLower,
      level: null,
    })),
  );
}

async function applyToAccount(
  accounts: DemoAccounts,
  storeId: string,
  identifiedBy: IdentifiedBy,
  change: SubjectChange,
  action: string,
): Promise<Applied> {
  switch (change.op) {
    case 'create': {
      const account = await accounts.createAccount(storeId, change);
      if (!account) throw demoError(action, 'conflict', `${change.identifier} is taken`);
      return { remoteId: account.id, outcome: 'done', observed: toRemoteUser(account, identifiedBy) };
    }
    case 'adopt':
      return { remoteId: change.remoteId, outcome: 'already' };
    case 'update': {
      const attributes = Object.fromEntries(change.attributes.map(({ name, to }) => [name, to]));
      // As at a vendor: a new address is what the account is found by from now on.
      const identifier = attributes[identifiedBy];
      const written = await accounts.updateAccount(storeId, change.remoteId, {
        attributes,
        ...(identifier ? { identifier } : {}),
      });
      return applied(change.remoteId, written, action);
    }
    case 'enable': {
      const written = await accounts.updateAccount(storeId, change.remoteId, { enabled: true });
      return applied(change.remoteId, written, action);
    }
    case 'disable': {
      const written = await accounts.updateAccount(storeId, change.remoteId, { enabled: false });
      return { remoteId: change.remoteId, outcome: written === 'missing' ? 'already' : 'done' };
    }
    case 'delete': {
      const written = await accounts.deleteAccount(storeId, change.remoteId);
      return { remoteId: change.remoteId, outcome: written === 'missing' ? 'already' : 'done' };
    }
  }
}

function applied(remoteId: string, written: 'done' | 'missing' | 'taken', action: string): Applied {
  if (written === 'missing') throw demoError(action, 'missing', 'it is not there any more');
  if (written === 'taken') throw demoError(action, 'rejected', 'another one has that name');
  return { remoteId, outcome: 'done' };
}

async function applyToGroup(
  accounts: DemoAccounts,
  storeId: string,
  change: SubjectChange,
  action: string,
): Promise<Applied> {
  switch (change.op) {
    case 'create': {
      const group = await accounts.createGroup(storeId, change.identifier);
      if (!group) throw demoError(action, 'conflict', `a group named ${change.identifier} is there already`);
      return { remoteId: group.id, outcome: 'done', observed: toRemoteGroup(group) };
    }
    case 'adopt':
      return { remoteId: change.remoteId, outcome: 'already' };
    case 'update': {
      const name = change.attributes.find((attribute) => attribute.name === 'name')?.to;
      if (name === undefined) return { remoteId: change.remoteId, outcome: 'already' };
      return applied(change.remoteId, await accounts.renameGroup(storeId, change.remoteId, name), action);
    }
    case 'delete': {
      const written = await accounts.deleteGroup(storeId, change.remoteId);
      return { remoteId: change.remoteId, outcome: written === 'missing' ? 'already' : 'done' };
    }
    case 'enable':
    case 'disable':
      throw demoError(action, 'rejected', 'a group is there or it is not');
  }
}

async function applyMembers(
  accounts: DemoAccounts,
  storeId: string,
  changes: MembershipChanges,
): Promise<readonly MemberOutcome[]> {
  const [first] = changes;
  if (!first) return [];
  const ids = changes.map(({ member }) => member.remoteId);
  const known = await accounts.group(storeId, first.remoteId);
  if (first.op === 'revoke') {
    const outcomes = known
      ? await accounts.removeMembers(first.remoteId, ids)
      : ids.map(() => 'already' as const);
    return ids.map((remoteId, index) => ({ remoteId, outcome: outcomes[index] ?? 'already' }));
  }
  if (!known) throw demoError(`add members to ${first.remoteId}`, 'missing', 'there is no such group');
  const outcomes = await accounts.addMembers(storeId, first.remoteId, ids);
  return ids.map((remoteId, index) => {
    const outcome = outcomes[index] ?? 'missing';
    return outcome === 'missing'
      ? { remoteId, outcome: 'refused', reason: `there is no account ${remoteId}` }
      : { remoteId, outcome };
  });
}
