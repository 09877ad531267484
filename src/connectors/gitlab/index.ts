/** The store type `GitLabSelfManaged`: a GitLab instance for which the bridge has an administrator's token. */

import type { StoreTypeDefinition } from '../connector.ts';
import { createGitLabConnector } from './connector.ts';
import { DEFAULT_MAPPING, USER_ATTRIBUTES } from './mapping.ts';
import { ACCESS_LEVELS, GITLAB_CAPABILITIES, GITLAB_SPECS, refuseGitLab } from './settings.ts';

export const gitLabSelfManagedType: StoreTypeDefinition = {
  type: 'GitLabSelfManaged',
  settings: GITLAB_SPECS,
  refuse: refuseGitLab,
  capabilities: GITLAB_CAPABILITIES,
  userAttributes: USER_ATTRIBUTES,
  defaultMapping: DEFAULT_MAPPING,
  identifierAttributes: { primaryEmail: 'email', userName: 'username' },
  accessLevels: ACCESS_LEVELS,
  reach: 'private',
  hostKeys: ['BASE_URL'],
  create: createGitLabConnector,
};
