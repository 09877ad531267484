/** The settings of a connection that is pulled, and how its runs are counted. Types, lists and defaults. */

/** The strategies of connections that are pulled. */
export const PULLED_STRATEGIES = [
  'oktaApi',
  'google',
  'ldap',
  'demo',
  'gitlabSelf',
  'gitlabSaas',
  'slack',
] as const;
export type PulledStrategy = (typeof PULLED_STRATEGIES)[number];

export function isPulledStrategy(strategy: unknown): strategy is PulledStrategy {
  return PULLED_STRATEGIES.some((pulled) => pulled === strategy);
}

/** The strategies that add to people and bring nobody. */
const ENRICHING_STRATEGIES: readonly string[] = [
  'slack',
  'gitlabSelf',
  'gitlabSaas',
] satisfies PulledStrategy[];

/** Whether a connection only adds to people whom another one brings. `settings`: null where nothing is pulled. */
export function onlyEnriches(strategy: string, settings: Pick<PullSettings, 'enrich'> | null): boolean {
  return ENRICHING_STRATEGIES.includes(strategy) || settings?.enrich === true;
}

export interface GroupsSetting {
  readonly mode: 'All' | 'Off' | 'Selected';
  readonly selected: readonly { readonly id: string }[];
}

export interface ManagerSetting {
  readonly enabled: boolean;
  readonly childKey: string | null;
  readonly parentKey: string | null;
}

export interface MappedTarget {
  readonly target: string;
  /** The first source that is not empty counts. */
  readonly sources: readonly string[];
}

/** The name that a group gets here, by its name or its id there. */
export interface GroupTag {
  readonly original?: string | undefined;
  readonly externalId?: string | undefined;
  readonly translation: string;
}

export interface PullSettings {
  /**
   * The connection only adds to people whom another one brings, whatever its strategy; absent: only where its
   * strategy does.
   */
  readonly enrich?: boolean;
  readonly sync: {
    readonly enabled: boolean;
    readonly intervalMinutes: number;
    readonly fullIntervalMinutes: number;
  };
  readonly groups: GroupsSetting;
  readonly manager: ManagerSetting;
  /** Null: the strategy's default. */
  readonly mapping: readonly MappedTarget[] | null;
  readonly tags: readonly GroupTag[];
  /** Only people with addresses in these domains are pulled; empty: everybody. */
  readonly domains: readonly string[];
}

export type PullMode = 'full' | 'delta' | 'preview';
export type PullState = 'QUEUED' | 'RUNNING' | 'DONE' | 'PARTIAL' | 'HELD' | 'FAILED';

export interface PullSummary {
  readonly created: number;
  readonly updated: number;
  readonly deactivated: number;
  readonly reactivated: number;
  readonly deleted: number;
  readonly unchanged: number;
  readonly filtered: number;
  readonly skipped: number;
  readonly unknown: number;
  readonly groups: {
    readonly created: number;
    readonly updated: number;
    readonly deleted: number;
    readonly joined: number;
    readonly left: number;
  };
}

export const NOTHING_PULLED: PullSummary = {
  created: 0,
  updated: 0,
  deactivated: 0,
  reactivated: 0,
  deleted: 0,
  unchanged: 0,
  filtered: 0,
  skipped: 0,
  unknown: 0,
  groups: { created: 0, updated: 0, deleted: 0, joined: 0, left: 0 },
};

/** `match`: makes a user for a person whom another connection has brought. */
export type PullOp =
  | 'create'
  | 'match'
  | 'update'
  | 'deactivate'
  | 'reactivate'
  | 'remove'
  | 'join'
  | 'leave';
