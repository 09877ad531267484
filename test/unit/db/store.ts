/** The least that a row about a store needs: an environment `e` with a store `s`. */

import type { Db } from '../../../src/db/open.ts';

export const AT = '2026-01-01T00:00:00.000Z';
export const LATER = '2026-01-01T00:00:01.000Z';

export async function withStore(open: () => Promise<Db>): Promise<Db> {
  const db = await open();
  await db('environments').insert({ id: 'e', name: 'e', created_at: AT, updated_at: AT });
  await db('stores').insert({
    id: 's',
    environment_id: 'e',
    type: 'Demo',
    name: 's',
    image: '{}',
    managed: false,
    status: 'ACTIVE',
    configuration: '{}',
    secrets: '{}',
    retry_attempts: 0,
    created_at: AT,
    updated_at: AT,
  });
  return db;
}
