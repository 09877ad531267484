/** A vendor as small as one can be: pages of accounts and groups in memory. */

import type { Attributes } from '../../../../src/model/desired.ts';

export interface Account {
  readonly id: string;
  readonly email: string;
  readonly enabled: boolean;
  readonly attributes: Attributes;
}

export interface Group {
  readonly id: string;
  readonly name: string;
  readonly members: Set<string>;
}

export class Notebook {
  readonly accounts = new Map<string, Account>();
  readonly groups = new Map<string, Group>();
  #lines = 0;

  accountOf(email: string): Account | null {
    return [...this.accounts.values()].find((a) => a.email === email.toLowerCase()) ?? null;
  }

  groupNamed(name: string): Group | null {
    return [...this.groups.values()].find((g) => g.name.toLowerCase() === name.toLowerCase()) ?? null;
  }

  addAccount(email: string, attributes: Attributes, enabled = true): Account {
    const account = { id: this.#newId(), email: email.toLowerCase(), enabled, attributes };
    this.accounts.set(account.id, account);
    return account;
  }

  addGroup(name: string): Group {
    const group = { id: this.#newId(), name, members: new Set<string>() };
    this.groups.set(group.id, group);
    return group;
  }

  write(id: string, change: Partial<Omit<Account, 'id'>>): boolean {
    const account = this.accounts.get(id);
    if (account) this.accounts.set(id, { ...account, ...change });
    return account !== undefined;
  }

  removeAccount(id: string): boolean {
    for (const group of this.groups.values()) group.members.delete(id);
    return this.accounts.delete(id);
  }

  #newId(): string {
    this.#lines += 1;
    return `line-${String(this.#lines).padStart(6, '0')}`;
  }
}
