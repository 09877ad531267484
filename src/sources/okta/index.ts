/** Okta, read over its Management API. */

import type { SourceDefinition } from '../source.ts';
import { OKTA_MAPPING } from './mapping.ts';
import { OKTA_SPECS, refuseOkta } from './settings.ts';
import { createOktaSource } from './source.ts';

export const oktaApiSource: SourceDefinition = {
  strategy: 'oktaApi',
  vendor: 'Okta',
  enriches: false,
  settings: OKTA_SPECS,
  refuse: refuseOkta,
  scopeKeys: [],
  hostKeys: ['ORG_URL'],
  reach: 'private',
  defaultMapping: OKTA_MAPPING,
  manager: { childKey: 'managerId', parentKey: 'employeeNumber' },
  create: createOktaSource,
};
