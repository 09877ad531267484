/** What a store of type `GitLabSelfManaged` is configured with, and what GitLab can do. */

import {
  COMMON_SPECS,
  type Configuration,
  groupProvisioningSpec,
  type SettingSpec,
} from '../../model/settings.ts';
import type { Capabilities, ConnectorDeps } from '../connector.ts';

/** GitLab's roles and the numbers its API knows them by (docs.gitlab.com/api/members/#roles). */
export const ACCESS_LEVELS = {
  minimal: 5,
  guest: 10,
  planner: 15,
  reporter: 20,
  developer: 30,
  maintainer: 40,
  owner: 50,
} as const;

/** What `DEFAULT_ACCESS_LEVEL` and the `accessLevel` of a group mapping may be, lowest first. */
export const ACCESS_LEVEL_NAMES: readonly string[] = Object.keys(ACCESS_LEVELS);

/** The number of a role's name; null for a name that GitLab does not have. */
export function accessLevelNumber(name: string): number | null {
  return Object.hasOwn(ACCESS_LEVELS, name) ? ACCESS_LEVELS[name as keyof typeof ACCESS_LEVELS] : null;
}

/** The role's name, for people; the number itself where GitLab has no such role. */
export function accessLevelName(level: number): string {
  const found = Object.entries(ACCESS_LEVELS).find(([, number]) => number === level);
  return found ? found[0] : String(level);
}

export const GITLAB_SPECS: readonly SettingSpec[] = [
  {
    key: 'BASE_URL',
    type: 'url',
    required: true,
    description:
      "Where the GitLab instance is: https://gitlab.example.com, with its path if it has one. Not GitLab.com's.",
  },
  {
    key: 'ACCESS_TOKEN',
    type: 'string',
    required: true,
    secret: true,
    description:
      'A personal access token of an administrator, with scope api (and admin_mode where the instance uses Admin Mode).',
  },
  {
    key: 'SSO_PROVIDER',
    type: 'string',
    description:
      "The name of the instance's sign-in provider, e.g. saml. Accounts get an identity of it, so that people sign in through it at once; what fills it is the mapping of externUid.",
  },
  {
    key: 'DEFAULT_ACCESS_LEVEL',
    type: 'string',
    default: 'developer',
    allowed: ACCESS_LEVEL_NAMES,
    description: 'The role that a membership gets where no group mapping says another.',
  },
  {
    key: 'PARENT_GROUP',
    type: 'string',
    description:
      'With GROUP_PROVISIONING Create: the full path of the group in which groups are made. Without it they are top-level groups.',
  },
  ...COMMON_SPECS,
  groupProvisioningSpec('Match'),
];

export const GITLAB_CAPABILITIES: Capabilities = {
  deleteUsers: true,
  createGroups: true,
  renameGroups: true,
  deleteGroups: false,
  disableDropsMemberships: false,
  membershipLevels: true,
  membersPerCallMax: 1,
};

export interface GitLabSettings {
  /** Scheme, host and port in lower case, the path as given, no slash at the end. */
  readonly baseUrl: string;
  readonly token: string;
  readonly ssoProvider: string | null;
  readonly defaultAccessLevel: number;
  readonly parentGroup: string | null;
  readonly identifier: 'primaryEmail' | 'userName';
  readonly createsGroups: boolean;
}

export function gitLabSettings({ configuration, settings }: ConnectorDeps): GitLabSettings {
  const text = (key: string) => {
    const value = configuration[key];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
  };
  return {
    baseUrl: normalizedBaseUrl(text('BASE_URL') ?? ''),
    token: text('ACCESS_TOKEN') ?? '',
    ssoProvider: text('SSO_PROVIDER'),
    defaultAccessLevel:
      accessLevelNumber(text('DEFAULT_ACCESS_LEVEL') ?? 'developer') ?? ACCESS_LEVELS.developer,
    parentGroup: text('PARENT_GROUP')?.replace(/^\/+|\/+$/g, '') || null,
    identifier: settings.uniqueUserIdentifier,
    createsGroups: settings.groupProvisioning === 'Create',
  };
}

/** One instance has one such URL: it identifies the instance that a store is pinned to. */
export function normalizedBaseUrl(baseUrl: string): string {
  const url = new URL(baseUrl);
  // People paste the address of the API as well.
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/api\/v4$/, '')}`;
}

/** On GitLab.com nobody can create or block accounts: that is another store type. */
export function refuseGitLab(configuration: Configuration): { key: string; detail: string }[] {
  const { BASE_URL: baseUrl } = configuration;
  if (typeof baseUrl !== 'string' || !URL.canParse(baseUrl)) return [];
  const { hostname } = new URL(baseUrl);
  if (hostname !== 'gitlab.com' && hostname !== 'www.gitlab.com') return [];
  const detail =
    'BASE_URL must be a self-managed instance: on gitlab.com accounts cannot be created or blocked; it is a store of type GitLabSaaS';
  return [{ key: 'BASE_URL', detail }];
}
