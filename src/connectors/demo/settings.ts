/** The Demo store has only the settings that every store has. */

import { commonSpecs } from '../../model/commonSettings.ts';
import type { AttributeMapping, Capabilities, TargetAttribute } from '../connector.ts';

export const DEMO_SPECS = commonSpecs({ groupProvisioning: 'Create', parallelChanges: 8 });

export const DEMO_CAPABILITIES: Capabilities = {
  deleteUsers: true,
  createGroups: true,
  renameGroups: true,
  deleteGroups: false,
  disableKeepsMemberships: true,
  membershipLevels: false,
  membersPerCallMax: 500,
};

export const DEMO_ATTRIBUTES: readonly TargetAttribute[] = [
  { name: 'userName', identity: true, description: 'User name.', required: false },
  { name: 'primaryEmail', identity: true, description: 'Email address.', required: false },
  { name: 'displayName', description: 'The name others see.', required: false },
  { name: 'givenName', description: 'First name.', required: false },
  { name: 'familyName', description: 'Last name.', required: false },
  { name: 'title', description: 'Job title.', required: false },
  { name: 'phoneNumber', description: 'Phone number.', required: false },
  { name: 'department', description: 'Department.', required: false },
  { name: 'manager', description: "The manager's account.", required: false, reference: true },
];

export const DEMO_DEFAULT_MAPPING: readonly AttributeMapping[] = [
  { targetAttribute: 'userName', sourceAttribute: 'userName' },
  { targetAttribute: 'primaryEmail', sourceAttribute: 'primaryEmail' },
  { targetAttribute: 'displayName', sourceAttribute: 'displayName' },
  { targetAttribute: 'givenName', sourceAttribute: 'name.givenName' },
  { targetAttribute: 'familyName', sourceAttribute: 'name.familyName' },
  { targetAttribute: 'title', sourceAttribute: 'title' },
  { targetAttribute: 'phoneNumber', sourceAttribute: 'primaryPhone' },
  { targetAttribute: 'department', sourceAttribute: 'enterprise.department' },
];
