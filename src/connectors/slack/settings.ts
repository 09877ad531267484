/** The settings of a Slack store. */

import { commonSpecs } from '../../model/commonSettings.ts';
import type { SettingSpec } from '../../model/settings.ts';
import type { Capabilities } from '../connector.ts';

export const SLACK_SPECS = [
  {
    key: 'OAUTH_ACCESS_TOKEN',
    type: 'string',
    required: true,
    secret: true,
    description: 'A user token (xoxp-…) with the scope admin, of an owner or admin of the workspace.',
  },
  {
    key: 'API_BASE_URL',
    type: 'url',
    default: 'https://slack.com/api/',
    description: "Slack's Web API; another one for GovSlack.",
  },
  {
    key: 'SCIM_BASE_URL',
    type: 'url',
    default: 'https://api.slack.com/scim/v2/',
    description: "Slack's SCIM API, version 2; another one for GovSlack.",
  },
  {
    key: 'DELETE_GROUPS',
    type: 'boolean',
    default: false,
    description:
      'Delete a group that the bridge created when its SCIM group is deleted or leaves scope. Slack cannot undo it.',
  },
  {
    key: 'ACCESS',
    type: 'string',
    allowed: ['Scim'],
    notYet: 'ACCESS other than Scim is not available yet: people are provisioned through SCIM.',
    description: "Which of Slack's interfaces people are provisioned through.",
  },
  ...commonSpecs({
    groupProvisioning: 'Create',
    neverDeletes: 'Slack can deactivate people but not delete them',
  }),
] as const satisfies readonly SettingSpec[];

/** Slack takes 15,000 members in one call and recommends 5,000; repeating a smaller call costs less when it fails. */
const MEMBERS_PER_CALL_MAX = 1_000;

export const SLACK_CAPABILITIES: Capabilities = {
  deleteUsers: false,
  createGroups: true,
  renameGroups: true,
  deleteGroups: true,
  disableKeepsMemberships: false,
  membershipLevels: false,
  membersPerCallMax: MEMBERS_PER_CALL_MAX,
};
