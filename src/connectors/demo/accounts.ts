/**
 * The storage that the Demo connector needs: accounts, groups and memberships of one store. This file says what it
 * must do; the bridge's database provides it.
 */

export interface DemoAccount {
  readonly id: string;
  /** In lower case; no two accounts of a store share one. */
  readonly identifierLower: string;
  readonly enabled: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface DemoGroup {
  readonly id: string;
  readonly name: string;
}

export interface DemoMember {
  readonly accountId: string;
  readonly identifierLower: string;
}

/** `missing`: this store has no such account or group. `taken`: another one has the name. */
export type DemoWrite = 'done' | 'missing' | 'taken';

export interface DemoAccounts {
  /** Null where the identifier is taken. */
  createAccount(
    storeId: string,
    account: { readonly identifier: string; readonly attributes: Readonly<Record<string, string>> },
  ): Promise<DemoAccount | null>;
  account(storeId: string, id: string): Promise<DemoAccount | null>;
  accountByIdentifier(storeId: string, identifier: string): Promise<DemoAccount | null>;
  /** The accounts after `afterId`, in the order of their ids. */
  accounts(storeId: string, afterId: string | null, limit: number): Promise<readonly DemoAccount[]>;
  /** Null where counting them would take too long. */
  countAccounts(storeId: string): Promise<number | null>;
  /** The groups of each account, by account id; accounts in none are absent. */
  groupsOf(accountIds: readonly string[]): Promise<ReadonlyMap<string, readonly DemoGroup[]>>;
  updateAccount(
    storeId: string,
    id: string,
    change: {
      readonly identifier?: string;
      readonly enabled?: boolean;
      readonly attributes?: Readonly<Record<string, string>>;
    },
  ): Promise<DemoWrite>;
  /** Deletes the account and its memberships. */
  deleteAccount(storeId: string, id: string): Promise<DemoWrite>;

  /** Null where the name is taken. */
  createGroup(storeId: string, name: string): Promise<DemoGroup | null>;
  group(storeId: string, id: string): Promise<DemoGroup | null>;
  groupByName(storeId: string, name: string): Promise<DemoGroup | null>;
  groups(storeId: string, afterId: string | null, limit: number): Promise<readonly DemoGroup[]>;
  renameGroup(storeId: string, id: string, name: string): Promise<DemoWrite>;

  /** In the order of their account ids. */
  members(groupId: string, afterAccountId: string | null, limit: number): Promise<readonly DemoMember[]>;
  /** Answers the outcome for each, in their order; `missing` for an account that this store does not have. */
  addMembers(
    storeId: string,
    groupId: string,
    accountIds: readonly string[],
  ): Promise<readonly ('done' | 'already' | 'missing')[]>;
  removeMembers(groupId: string, accountIds: readonly string[]): Promise<readonly ('done' | 'already')[]>;
}
