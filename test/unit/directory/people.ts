/** Rows of the directory for filter tests, written as `src/db` writes them, but many at once. */

import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { addMembers } from '../../../src/db/identity/groupMembers.ts';
import { insertGroup } from '../../../src/db/identity/groups.ts';
import { insertUser } from '../../../src/db/identity/users.ts';
import type { Resource } from '../../../src/model/resource.ts';

export const AT = '2026-01-01T00:00:00.000Z';
export const CONNECTION = 'connection';
const ENVIRONMENT = 'environment';
const PERSON = 'person';

export async function openDirectory(open: () => Promise<Knex>): Promise<Knex> {
  const db = await open();
  await db('environments').insert({ id: ENVIRONMENT, name: 'e', created_at: AT, updated_at: AT });
  await db('connections').insert({
    id: CONNECTION,
    environment_id: ENVIRONMENT,
    name: 'c',
    strategy: 'scim',
    is_primary: true,
    unknown_attributes: 'Reject',
    metadata: '{}',
    user_id_attribute: 'userName',
    created_at: AT,
    updated_at: AT,
  });
  await db('persons').insert({ id: PERSON, environment_id: ENVIRONMENT, created_at: AT });
  return db;
}

const owner = { environmentId: ENVIRONMENT, connectionId: CONNECTION };

/** Answers the id. */
export async function addUser(db: Knex, resource: Resource, createdAt = AT): Promise<string> {
  const id = randomUUID();
  await insertUser(db, { id, ...owner, personId: PERSON, resource, createdAt });
  return id;
}

/** Answers the id. */
export async function addGroup(
  db: Knex,
  resource: Resource,
  memberIds: readonly string[] = [],
  createdAt = AT,
): Promise<string> {
  const id = randomUUID();
  await insertGroup(db, { id, ...owner, resource, createdAt });
  await addMembers(db, id, memberIds, AT);
  return id;
}

const ROWS_PER_INSERT = 500;

/** `user0@example.com` and on, each alone in `Group 0` and on. Answers the ids of both. */
export async function addCrowd(db: Knex, count: number): Promise<{ users: string[]; groups: string[] }> {
  const users: string[] = [];
  const groups: string[] = [];
  for (let from = 0; from < count; from += ROWS_PER_INSERT) {
    const numbers = Array.from({ length: Math.min(ROWS_PER_INSERT, count - from) }, (_, i) => from + i);
    const rows = numbers.map((n) => ({
      id: randomUUID(),
      environment_id: ENVIRONMENT,
      connection_id: CONNECTION,
      created_at: AT,
      updated_at: AT,
      external_id: `external${n}`,
      version: 1,
    }));
    await db('users').insert(
      rows.map((row, i) => ({
        ...row,
        person_id: PERSON,
        user_name: `user${numbers[i]}`,
        user_name_lower: `user${numbers[i]}`,
        display_name_lower: `name ${numbers[i]}`,
        active: true,
        resource: JSON.stringify({ emails: [{ type: 'work', value: `user${numbers[i]}@example.com` }] }),
      })),
    );
    await db('user_emails').insert(
      rows.map(({ id }, i) => ({
        connection_id: CONNECTION,
        user_id: id,
        value_lower: `user${numbers[i]}@example.com`,
      })),
    );
    const groupRows = rows.map((row, i) => ({
      ...row,
      id: randomUUID(),
      display_name: `Group ${numbers[i]}`,
      display_name_lower: `group ${numbers[i]}`,
      resource: '{}',
    }));
    await db('groups').insert(groupRows);
    await db('group_members').insert(
      groupRows.map(({ id }, i) => ({ group_id: id, user_id: rows[i]?.id, created_at: AT })),
    );
    users.push(...rows.map(({ id }) => id));
    groups.push(...groupRows.map(({ id }) => id));
  }
  return { users, groups };
}
