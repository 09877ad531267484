/** What events show of environments, connections and tokens: never a token or its hash. */

import type { AdminTokenRecord } from '../../db/access/adminTokens.ts';
import type { ScimTokenRecord } from '../../db/access/scimTokens.ts';
import type { NewConnection } from '../../db/identity/connections.ts';
import type { EnvironmentRecord } from '../../db/identity/environments.ts';

export function auditedEnvironment({ id, name }: EnvironmentRecord) {
  return { id, name };
}

export function auditedConnection(connection: NewConnection) {
  const { id, name, handle, strategy, isPrimary, unknownAttributes, retentionDays } = connection;
  const { matchPeople, reusedIdentifiers, metadata, userIdAttribute, mapping } = connection;
  const { silentAfterHours = null } = connection;
  return {
    ...{ id, name, handle, strategy, isPrimary, unknownAttributes, retentionDays },
    ...{ matchPeople, reusedIdentifiers, silentAfterHours },
    ...{ metadata, userIdAttribute, mapping: mapping ?? [] },
  };
}

export function auditedAdminToken(token: AdminTokenRecord) {
  const { id, name, scopes, environmentId, validUntil } = token;
  return { id, name, scopes, environmentId, validUntil };
}

export function auditedScimToken({ id, connectionId, name, scopes, validUntil }: ScimTokenRecord) {
  return { id, connectionId, name, scopes, validUntil };
}
