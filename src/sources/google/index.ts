/** Google Workspace, read over the Directory API of its Admin SDK. */

import type { SourceDefinition } from '../source.ts';
import { GOOGLE_MAPPING } from './mapping.ts';
import { GOOGLE_SPECS, refuseGoogle } from './settings.ts';
import { createGoogleSource } from './source.ts';

export const googleSource: SourceDefinition = {
  strategy: 'google',
  vendor: 'Google',
  enriches: false,
  settings: GOOGLE_SPECS,
  refuse: refuseGoogle,
  scopeKeys: ['CUSTOMER'],
  hostKeys: ['API_BASE_URL', 'TOKEN_URL'],
  reach: 'private',
  defaultMapping: GOOGLE_MAPPING,
  manager: { childKey: 'relations.manager', parentKey: 'primaryEmail' },
  create: createGoogleSource,
};
