/** The settings of a store of type `GitLabSelfManaged`, and what GitLab can do. */

import { commonSpecs } from '../../model/commonSettings.ts';
import { type Configuration, type SettingSpec, settingsOf } from '../../model/settings.ts';
import type { Capabilities, ConnectorDeps } from '../connector.ts';
import { trimSlashes } from './names.ts';

/** GitLab's roles and their numbers in its API (docs.gitlab.com/api/members/#roles). */
export const ACCESS_LEVELS = {
  minimal: 5,
  guest: 10,
  planner: 15,
  reporter: 20,
  security_manager: 25,
  developer: 30,
  maintainer: 40,
  owner: 50,
} as const;

type AccessLevel = keyof typeof ACCESS_LEVELS;

/** The values of `DEFAULT_ACCESS_LEVEL` and of `accessLevel` in a group mapping, lowest first. */
const ACCESS_LEVEL_NAMES = Object.keys(ACCESS_LEVELS) as readonly AccessLevel[];

/** The role's name for people; the number where GitLab has no such role. */
export function accessLevelName(level: number): string {
  const found = Object.entries(ACCESS_LEVELS).find(([, number]) => number === level);
  return found ? found[0] : String(level);
}

export const GITLAB_SPECS = [
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
  {
    key: 'MATCH_WITHIN',
    type: 'strings',
    default: [],
    description:
      'Full paths of the groups below which a SCIM group may match. Without any it may match everywhere on the instance.',
  },
  ...commonSpecs({ groupProvisioning: 'Match', parallelChanges: 8 }),
] as const satisfies readonly SettingSpec[];

export const GITLAB_CAPABILITIES: Capabilities = {
  deleteUsers: true,
  createGroups: true,
  renameGroups: true,
  deleteGroups: false,
  disableKeepsMemberships: true,
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
  /** Full paths without slashes at their ends; empty: everywhere. */
  readonly matchWithin: readonly string[];
  readonly identifier: 'primaryEmail' | 'userName';
  readonly createsGroups: boolean;
  readonly ratePerMinute: number | null;
}

export function gitLabSettings({ configuration }: Pick<ConnectorDeps, 'configuration'>): GitLabSettings {
  const settings = settingsOf(GITLAB_SPECS, configuration);
  return {
    baseUrl: normalizedBaseUrl(settings.baseUrl.trim()),
    token: settings.accessToken.trim(),
    ssoProvider: settings.ssoProvider?.trim() ?? null,
    defaultAccessLevel: ACCESS_LEVELS[settings.defaultAccessLevel],
    parentGroup: settings.parentGroup === null ? null : trimSlashes(settings.parentGroup) || null,
    matchWithin: settings.matchWithin.map(trimSlashes),
    identifier: settings.uniqueUserIdentifier,
    createsGroups: settings.groupProvisioning === 'Create',
    ratePerMinute: settings.ratePerMinute,
  };
}

/** An instance has one such URL: a store is pinned to the instance by it. */
export function normalizedBaseUrl(baseUrl: string): string {
  const url = new URL(baseUrl);
  // People also paste the address of the API.
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/api\/v4$/, '')}`;
}

export function refuseGitLab(configuration: Configuration): { key: string; detail: string }[] {
  return [...refuseGitLabDotCom(configuration), ...refuseNoPath(configuration)];
}

/** Refuses text that is no path: SCIM groups could otherwise match groups everywhere. */
function refuseNoPath({ MATCH_WITHIN: within }: Configuration): { key: string; detail: string }[] {
  const paths = Array.isArray(within) ? within.map((path) => trimSlashes(String(path))) : [];
  const detail = 'MATCH_WITHIN must be a list of full paths of groups, such as acme/teams';
  return paths.includes('') ? [{ key: 'MATCH_WITHIN', detail }] : [];
}

/** Nobody can create or block accounts on GitLab.com: that is another store type. */
function refuseGitLabDotCom(configuration: Configuration): { key: string; detail: string }[] {
  const { BASE_URL: baseUrl } = configuration;
  if (typeof baseUrl !== 'string' || !URL.canParse(baseUrl)) return [];
  const { hostname } = new URL(baseUrl);
  if (hostname !== 'gitlab.com' && hostname !== 'www.gitlab.com') return [];
  const detail =
    'BASE_URL must be a self-managed instance: on gitlab.com accounts cannot be created or blocked; it is a store of type GitLabSaaS';
  return [{ key: 'BASE_URL', detail }];
}
