/** The store type `Slack`, as the registry lists it. */

import type { StoreTypeDefinition } from '../connector.ts';
import { STORE } from './api/errors.ts';
import { createSlackConnector } from './connector.ts';
import { SLACK_ATTRIBUTES, SLACK_DEFAULT_MAPPING } from './mapping.ts';
import { SLACK_CAPABILITIES, SLACK_SPECS } from './settings.ts';

export const slackType: StoreTypeDefinition = {
  type: STORE,
  settings: SLACK_SPECS,
  capabilities: SLACK_CAPABILITIES,
  userAttributes: SLACK_ATTRIBUTES,
  defaultMapping: SLACK_DEFAULT_MAPPING,
  identifierAttributes: { primaryEmail: 'primaryEmail', userName: 'userName' },
  reach: 'public',
  hostKeys: ['API_BASE_URL', 'SCIM_BASE_URL'],
  create: createSlackConnector,
};
