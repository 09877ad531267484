/** The one company that every source is asked to show, as its own vendor keeps it. */

/** Everybody, with whoever leads them. */
export const PEOPLE = { ada: null, bob: 'ada', cyd: 'ada', dan: 'ada', eve: 'bob' } as const;
/** Everybody in each group; `Staff` has `Engineers` inside where the vendor nests groups. */
export const GROUPS = {
  Engineers: ['bob', 'cyd', 'dan'],
  Staff: ['ada', 'bob', 'cyd', 'dan', 'eve'],
} as const;

export interface Hired {
  readonly manager?: string | null;
  /** Another address than the name's. */
  readonly address?: string;
}

export interface Company {
  /** For a connection: strategy and configuration. */
  readonly connection: {
    readonly strategy: string;
    readonly configuration: Readonly<Record<string, string>>;
  };
  readonly accountId: string;
  /** Whoever the vendor shows beside the company's own people. */
  readonly others: readonly string[];
  /** As the vendor lists them, without their ids. */
  readonly groups: readonly object[];
  hire(name: string, hired?: Hired): Promise<void>;
  retitle(name: string, title: string): Promise<void>;
  readdress(name: string, address: string): Promise<void>;
  suspend(name: string): Promise<void>;
  restore(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  setMembers(group: string, names: readonly string[]): Promise<void>;
  /** The vendor lets the bridge read no longer. */
  loseRights(): Promise<void>;
  regainRights(): Promise<void>;
  /** The same address and credential lead to this account; absent where nothing but the base tells accounts apart. */
  readonly moveTo?: (accountId: string) => Promise<void>;
  close(): Promise<void>;
}

export const addressOf = (name: string) => `${name}@acme.example`;
