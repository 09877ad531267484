/** Rows that the directory's tests stand on: environments, connections, stores. */

import type { Knex } from 'knex';
import { hashWith } from '../../../src/db/access/identifierKey.ts';
import { insertConnection } from '../../../src/db/identity/connections.ts';
import { insertEnvironmentOnce } from '../../../src/db/identity/environments.ts';
import type { Directory, Write } from '../../../src/directory/write.ts';
import { newId } from '../../../src/support/ids.ts';

export const AT = '2026-01-01T00:00:00.000Z';

export interface Ticking extends Directory {
  wakes: number;
}

/** A directory whose clock moves one second with each look at it. */
export function directoryOn(db: Knex): Ticking {
  let now = Date.parse(AT);
  const directory: Ticking = {
    db,
    clock: {
      now: () => {
        now += 1000;
        return now;
      },
      sleep: () => Promise.resolve(),
    },
    wakes: 0,
    wake: { signal: () => void directory.wakes++ },
    identifierHash: async () => hashWith(Buffer.from('a key for tests')),
  };
  return directory;
}

/** Answers what a request of the new connection looks like. */
export async function connection(
  db: Knex,
  environmentId = 'default',
  isPrimary = true,
): Promise<(path: string, correlationId?: string) => Write> {
  const id = newId();
  await insertEnvironmentOnce(db, { id: environmentId, name: environmentId, createdAt: AT, updatedAt: AT });
  await insertConnection(db, {
    id,
    environmentId,
    name: id,
    handle: id,
    strategy: 'okta',
    isPrimary,
    unknownAttributes: 'Reject',
    matchPeople: true,
    retentionDays: null,
    metadata: {},
    userIdAttribute: 'userName',
    mapping: null,
    createdAt: AT,
    updatedAt: AT,
  });
  return (path, correlationId = newId()) => ({
    environmentId,
    connectionId: id,
    cause: { correlationId, actor: { type: 'connection', id, name: 'okta' } },
    origin: { kind: 'request', method: 'PATCH', path },
  });
}

export async function store(db: Knex, environmentId: string, status = 'ACTIVE'): Promise<string> {
  const id = newId();
  await db('stores').insert({
    id,
    environment_id: environmentId,
    type: 'Demo',
    name: id,
    image: '{}',
    managed: false,
    status,
    configuration: '{}',
    secrets: '{}',
    retry_attempts: 0,
    created_at: AT,
    updated_at: AT,
  });
  return id;
}
