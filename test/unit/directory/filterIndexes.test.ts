/** The look-ups that identity providers live on go by an index, among many users, on both databases. */

import type { Knex } from 'knex';
import { listGroups } from '../../../src/db/identity/groups.ts';
import type { PageByPosition } from '../../../src/db/lists/resources.ts';
import { listUsers } from '../../../src/db/lists/users.ts';
import type { Dialect } from '../../../src/db/open.ts';
import { isScan } from '../../../src/directory/query/cost.ts';
import { parseFilter } from '../../../src/directory/query/parse.ts';
import { filterToSql } from '../../../src/directory/query/sql.ts';
import type { Kind } from '../../../src/model/subject.ts';
import { onEachDatabase } from '../../database.ts';
import { addCrowd, CONNECTION, openDirectory } from './people.ts';

const CROWD = 3000;

/** What the database does for a list, count and page, as the repositories ask for it. */
async function plansOf(db: Knex, dialect: Dialect, kind: Kind, filter: string): Promise<readonly string[]> {
  const queries: { sql: string; bindings: readonly unknown[] }[] = [];
  const record = (query: { sql: string; bindings: readonly unknown[] }) => queries.push(query);
  db.on('query', record);
  const page: PageByPosition = {
    connectionId: CONNECTION,
    filter: filterToSql(parseFilter(filter), kind, dialect),
    sort: null,
    offset: 0,
    // A full page does not say how long the list is: it is counted too.
    limit: 1,
  };
  const found = kind === 'user' ? await listUsers(db, page) : await listGroups(db, page);
  db.removeListener('query', record);
  expect(found).toMatchObject({ total: 1, items: [{}] });
  expect(queries).toHaveLength(2);
  const plans: string[] = [];
  for (const { sql, bindings } of queries) plans.push(await explain(db, dialect, sql, bindings));
  return plans;
}

async function explain(
  db: Knex,
  dialect: Dialect,
  sql: string,
  bindings: readonly unknown[],
): Promise<string> {
  const text = sql.replace(/\$\d+/g, '?');
  if (dialect === 'sqlite') {
    const rows: { detail: string }[] = await db.raw(`explain query plan ${text}`, [...bindings] as never);
    return rows.map((row) => row.detail).join('\n');
  }
  const { rows } = await db.raw(`explain ${text}`, [...bindings] as never);
  return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
}

onEachDatabase((open, dialect) => {
  describe(`index look-ups among ${CROWD} (RFC 7644 §3.4.2.2)`, () => {
    let db: Knex;
    let crowd: { users: string[]; groups: string[] };

    beforeAll(async () => {
      db = await openDirectory(open);
      crowd = await addCrowd(db, CROWD);
      // PostgreSQL does so by itself, only later.
      if (dialect === 'postgres') await db.raw('analyze');
    });

    it.each<[Kind, string, RegExp]>([
      ['user', 'userName eq "USER77"', /users_user_name|users_tombstones/],
      ['user', 'externalId eq "external77"', /users_connection_id_external_id_index/],
      ['user', 'externalId eq external77', /users_connection_id_external_id_index/],
      ['user', 'displayName eq "NAME 77"', /users_connection_id_display_name_lower_index/],
      ['user', 'emails.value eq "User77@example.com"', /user_emails_value_lower_connection_id_index/],
      ['user', 'emails eq "User77@example.com"', /user_emails_value_lower_connection_id_index/],
      [
        'user',
        'emails[type eq "work"].value eq "User77@example.com"',
        /user_emails_value_lower_connection_id_index/,
      ],
      ['user', 'id eq "$user"', /users_pkey|sqlite_autoindex_users_1/],
      ['user', 'groups.value eq "$group"', /group_members_pkey|sqlite_autoindex_group_members_1/],
      ['user', 'userName eq "USER77" and active eq true', /users_user_name|users_tombstones/],
      ['user', 'userName eq "USER77" or externalId eq "nobody"', /users_connection_id_external_id_index/],
      ['user', '(id eq "$user" or displayName eq "x") and active eq true', /display_name_lower_index/],
      ['user', 'userName sw "USER2999"', /users_user_name/],
      ['user', 'displayName sw "NAME 2999" and active eq true', /display_name_lower_index/],
      ['user', 'externalId sw "external2999"', /users_connection_id_external_id_index/],
      ['group', 'displayName sw "GROUP 2999"', /groups_display_name/],
      ['group', 'displayName eq "GROUP 77"', /groups_display_name/],
      ['group', 'externalId eq "external77"', /groups_connection_id_external_id_index/],
      ['group', 'members.value eq "$user"', /group_members_user_id_index/],
      ['group', 'members eq "$user"', /group_members_user_id_index/],
      ['group', 'id eq "$group" and members eq "$user"', /groups_pkey|sqlite_autoindex_groups_1/],
    ])('%s: %s', async (kind, filter, index) => {
      const written = filter
        .replace('$user', crowd.users[77] ?? '')
        .replace('$group', crowd.groups[77] ?? '');
      expect(isScan(parseFilter(written), null, kind)).toBe(false);
      for (const plan of await plansOf(db, dialect, kind, written)) {
        expect(plan).toMatch(index);
        // Neither a walk through a table nor one through all of the connection's rows.
        expect(plan).not.toMatch(/Seq Scan|\bSCAN (users|groups|user_emails|group_members)\b/);
        expect(plan).not.toMatch(/\(connection_id=\?\)$/m);
      }
    });
  });
});
