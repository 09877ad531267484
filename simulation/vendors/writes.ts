/** Finds what a request changed at a vendor by comparing its state before and after, not by reading the request. */

import {
  type Account,
  ATTRIBUTES,
  type Attribute,
  type Group,
  type Holdings,
  type Traits,
} from './vendor.ts';

export interface AccountWrite {
  readonly kind: 'user';
  readonly op: 'create' | 'update' | 'enable' | 'disable' | 'delete' | 'other';
  readonly accountId: string;
  /** The attributes of a new account, or those that changed. */
  readonly attributes: Readonly<Partial<Record<Attribute, string>>>;
}

export interface GroupWrite {
  readonly kind: 'group';
  readonly op: 'create' | 'update' | 'delete';
  readonly groupId: string;
  readonly key: string;
  readonly name: string;
}

export interface MemberWrite {
  readonly kind: 'member';
  readonly op: 'grant' | 'revoke';
  readonly groupId: string;
  readonly accountId: string;
}

export type Write = AccountWrite | GroupWrite | MemberWrite;

export function writesBetween(before: Holdings, after: Holdings, traits: Traits): readonly Write[] {
  return [
    ...[...ids(before.accounts, after.accounts)].flatMap((id) =>
      accountWrites(id, before.accounts.get(id), after.accounts.get(id)),
    ),
    ...[...ids(before.groups, after.groups)].flatMap((id) =>
      groupWrites(id, before.groups.get(id), after.groups.get(id)),
    ),
    ...[...before.groups.keys()].flatMap((id) => memberWrites(id, before, after, traits)),
  ];
}

function ids(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): Set<string> {
  return new Set([...before.keys(), ...after.keys()]);
}

function accountWrites(accountId: string, was?: Account, is?: Account): AccountWrite[] {
  const kind = 'user' as const;
  if (!is) return [{ kind, op: 'delete', accountId, attributes: {} }];
  if (!was) return [{ kind, op: 'create', accountId, attributes: is.attributes }];
  const changed = ATTRIBUTES.filter((name) => was.attributes[name] !== is.attributes[name]);
  const attributes = Object.fromEntries(changed.map((name) => [name, is.attributes[name]]));
  const writes: AccountWrite[] = [];
  if (changed.length > 0) writes.push({ kind, op: 'update', accountId, attributes });
  // Only whoever banned the account may lift the ban.
  if (was.state !== is.state)
    writes.push({
      kind,
      op: was.state === 'locked' ? 'other' : toState(is.state),
      accountId,
      attributes: {},
    });
  return writes;
}

function toState(state: Account['state']): AccountWrite['op'] {
  switch (state) {
    case 'enabled':
      return 'enable';
    case 'disabled':
      return 'disable';
    case 'locked':
      return 'other';
  }
}

function groupWrites(groupId: string, was?: Group, is?: Group): GroupWrite[] {
  const { key, name } = (is ?? was) as Group;
  const op = !is ? 'delete' : !was ? 'create' : 'update';
  if (was && is && was.key === is.key && was.name === is.name) return [];
  return [{ kind: 'group', op, groupId, key, name }];
}

/** Memberships that end with their account or group are not writes of their own. */
function memberWrites(groupId: string, before: Holdings, after: Holdings, traits: Traits): MemberWrite[] {
  const kind = 'member' as const;
  const was = before.groups.get(groupId)?.members ?? new Map<string, number>();
  const is = after.groups.get(groupId)?.members;
  if (!is) return [];
  const gone = (accountId: string) => {
    const account = after.accounts.get(accountId);
    return !account || (traits.disableDropsMemberships && account.state === 'disabled');
  };
  return [
    ...[...is]
      .filter(([accountId, level]) => level > (was.get(accountId) ?? -1))
      .map(([accountId]) => ({ kind, op: 'grant' as const, groupId, accountId })),
    ...[...was.keys()]
      .filter((accountId) => !is.has(accountId) && !gone(accountId))
      .map((accountId) => ({ kind, op: 'revoke' as const, groupId, accountId })),
  ];
}
