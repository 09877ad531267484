/**
 * The look-ups that identity providers live on, as the endpoint runs them: scoped to a connection, ordered
 * and limited. SQLite plans without statistics here, as on a fresh installation; another index on the same
 * tables must not lead them astray.
 */

import type { Knex } from 'knex';
import { listGroups } from '../../../src/db/identity/groups.ts';
import type { PageByPosition } from '../../../src/db/lists/resources.ts';
import { listUsers } from '../../../src/db/lists/users.ts';
import { parseFilter } from '../../../src/directory/query/parse.ts';
import { filterToSql } from '../../../src/directory/query/sql.ts';
import type { Kind } from '../../../src/model/subject.ts';
import { onEachDatabase } from '../../database.ts';

onEachDatabase((open, dialect) => {
  // PostgreSQL plans by statistics, which an empty database has none of.
  const onSqlite = dialect === 'sqlite' ? it : it.skip;

  async function planOf(db: Knex, kind: Kind, filter: string): Promise<string> {
    const page: PageByPosition = {
      connectionId: 'c',
      filter: filterToSql(parseFilter(filter), kind, 'sqlite'),
      sort: null,
      offset: 0,
      limit: 100,
    };
    const queries: { sql: string; bindings: readonly unknown[] }[] = [];
    db.on('query', (query) => queries.push(query));
    await (kind === 'user' ? listUsers(db, page) : listGroups(db, page));
    db.removeAllListeners('query');
    const [query] = queries;
    const steps = await db.raw(`explain query plan ${query?.sql}`, (query?.bindings ?? []) as never);
    return steps.map((step: { detail: string }) => step.detail).join('; ');
  }

  onSqlite.each([
    ['user', 'userName eq "a"', /users_user_name \(connection_id=\? AND user_name_lower=\?\)/],
    ['user', 'externalId eq "a"', /connection_id=\? AND external_id=\?/],
    ['user', 'emails.value eq "a"', /user_emails USING .*value_lower=\?.*/],
    ['user', 'emails[type eq "work"].value eq "a"', /user_emails USING .*value_lower=\?/],
    ['user', 'displayName eq "a"', /connection_id=\? AND display_name_lower=\?/],
    ['group', 'displayName eq "a"', /groups_display_name \(connection_id=\? AND display_name_lower=\?\)/],
    ['group', 'members.value eq "a"', /group_members USING .*user_id=\?/],
  ] as const)('%s: %s', async (kind, filter, wanted) => {
    const plan = await planOf(await open(), kind, filter);
    expect(plan).toMatch(wanted);
    expect(plan).not.toMatch(/SCAN (users|groups|user_emails|group_members)|deleted_at|created_at/);
  });
});
