/** `ADMIN_TOKEN` of the configuration as if it were a row of the database, for as long as it is set. */

import type { AdminTokenRecord } from '../db/access/adminTokens.ts';
import { isoTime } from '../support/clock.ts';
import { ADMIN_SCOPES } from './scopes.ts';

export const CONFIGURED_TOKEN: AdminTokenRecord = {
  id: 'env',
  name: 'ADMIN_TOKEN',
  scopes: ADMIN_SCOPES,
  environmentId: null,
  createdAt: isoTime(0),
  validUntil: null,
  lastUsedAt: null,
};
