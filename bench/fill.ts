/** Fills a database directly with people who are linked already, because filling is not what is measured. */

import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { wordsOfUser } from '../src/db/people/words.ts';
import { person } from '../test/bridge.ts';
import { emailOf } from '../test/fault/company.ts';

const ROWS_PER_INSERT = 400;

export interface Filling {
  readonly db: Knex;
  readonly count: number;
  readonly prefix: string;
  /** Each gets a link to the account with this id, which is already as desired. */
  readonly linked?: { readonly storeId: string; remoteIdOf(n: number): string };
  /** People can be found by name, address and account. */
  readonly findable?: boolean;
  /** People are members of this group, at the store too. */
  readonly group?: { readonly id: string; readonly remoteId: string };
}

/** Answers the users' ids. */
export async function fill({
  db,
  count,
  prefix,
  linked,
  group,
  findable,
}: Filling): Promise<readonly string[]> {
  const connection = await db('connections').first('id');
  const at = new Date().toISOString();
  const ids: string[] = [];
  for (let from = 0; from < count; from += ROWS_PER_INSERT) {
    const size = Math.min(ROWS_PER_INSERT, count - from);
    const people = Array.from({ length: size }, (_, k) => ({
      id: randomUUID(),
      n: from + k,
      name: `${prefix}${from + k}`,
    }));
    ids.push(...people.map(({ id }) => id));
    await db.transaction(async (tx) => {
      await tx('persons').insert(people.map(({ id }) => ({ id, environment_id: 'default', created_at: at })));
      await tx('users').insert(people.map(({ id, name }) => userRow(id, name, connection.id, at)));
      await tx('user_emails').insert(
        people.map(({ id, name }) => ({
          connection_id: connection.id,
          user_id: id,
          value_lower: emailOf(name),
        })),
      );
      if (findable)
        for (const { id, name } of people) {
          const source = { environmentId: 'default', personId: id, id };
          const { rows } = wordsOfUser(source, person(name));
          await tx('person_words').insert(rows);
        }
      if (group)
        await tx('group_members').insert(
          people.map(({ id }) => ({ group_id: group.id, user_id: id, created_at: at })),
        );
      if (linked) {
        const rows = people.map((who) => ({ ...who, remoteId: linked.remoteIdOf(who.n) }));
        await tx('links').insert(rows.map((who) => linkRow(who, linked.storeId, at)));
        if (group)
          await tx('membership_ledger').insert(
            rows.map((who) => ledgerRow(who, linked.storeId, group.remoteId, at)),
          );
      }
    });
  }
  await db.raw('analyze');
  return ids;
}

export function externalIdOf(name: string): string {
  return `00u-${name}`;
}

function userRow(id: string, name: string, connectionId: string, at: string) {
  const userName = emailOf(name);
  return {
    id,
    environment_id: 'default',
    connection_id: connectionId,
    person_id: id,
    user_name: userName,
    user_name_lower: userName,
    external_id: externalIdOf(name),
    display_name: `${name} Doe`,
    display_name_lower: `${name} doe`,
    primary_email_lower: userName,
    active: true,
    resource: JSON.stringify(person(name, { externalId: externalIdOf(name) })),
    version: 1,
    created_at: at,
    updated_at: at,
  };
}

/** Links people of the directory to accounts, adopted as they are. */
export async function link(db: Knex, storeId: string, people: readonly Linked[]): Promise<void> {
  const at = new Date().toISOString();
  for (let from = 0; from < people.length; from += ROWS_PER_INSERT) {
    const rows = people.slice(from, from + ROWS_PER_INSERT).map((who) => ({
      ...linkRow(who, storeId, at),
      origin: 'adopted',
      observed: JSON.stringify(who.observed),
    }));
    await db('links').insert(rows);
  }
}

interface Who {
  readonly id: string;
  readonly name: string;
  readonly remoteId: string;
}

export interface Linked extends Who {
  readonly observed: Readonly<Record<string, string>>;
}

function linkRow({ id, name, remoteId }: Who, storeId: string, at: string) {
  return {
    id: randomUUID(),
    environment_id: 'default',
    store_id: storeId,
    kind: 'user',
    subject_id: id,
    remote_id: remoteId,
    remote_name: name,
    origin: 'created',
    state: 'enabled',
    applied: '{}',
    observed: '{}',
    created_at: at,
    updated_at: at,
  };
}

function ledgerRow({ name, remoteId }: Who, storeId: string, remoteGroupId: string, at: string) {
  return {
    store_id: storeId,
    remote_group_id: remoteGroupId,
    remote_user_id: remoteId,
    origin: 'added',
    display: name,
    created_at: at,
  };
}
