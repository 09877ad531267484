/** The members of a group with their names: what is kept of those from before, and what a page reads. */

import { up } from '../../../migrations/0250_display_names.ts';
import { MEMBERS_PER_PAGE, membersAfter, membersWithNames } from '../../../src/db/identity/groupMembers.ts';
import type { Db } from '../../../src/db/open.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, addCrowd, addGroup, addUser, openDirectory } from '../directory/people.ts';

const MEMBERS = MEMBERS_PER_PAGE * 4;

onEachDatabase((open, dialect) => {
  it('takes the names of who was there before out of the stored resources', async () => {
    const db = await openDirectory(open);
    const ann = await addUser(db, { userName: 'ann', displayName: 'Ann "Æ" Doe' });
    const bob = await addUser(db, { userName: 'bob' });
    const group = await addGroup(db, { displayName: 'all' }, [ann, bob]);
    const shown = () => membersWithNames(db, group);
    const before = await shown();
    expect(before).toEqual(
      [
        { userId: ann, display: 'Ann "Æ" Doe' },
        { userId: bob, display: 'bob' },
      ].sort((a, b) => (a.userId < b.userId ? -1 : 1)),
    );
    await db.raw('alter table users drop column display_name');
    await up(db);
    expect(await shown()).toEqual(before);
  });

  it('reads for each page its own members, and nobody else', async () => {
    const db = await openDirectory(open);
    const { users } = await addCrowd(db, MEMBERS);
    const group = await addGroup(db, { displayName: 'all' });
    await db.raw(`insert into group_members (group_id, user_id, created_at) select ?, id, ? from users`, [
      group,
      AT,
    ]);
    await db.raw(dialect === 'postgres' ? 'vacuum analyze' : 'analyze');
    const ids = users.toSorted();
    for (let from = 0; from < MEMBERS; from += MEMBERS_PER_PAGE) {
      const { page, plan } = await explained(db, group, ids[from - 1] ?? null);
      expect(page).toEqual(ids.slice(from, from + MEMBERS_PER_PAGE));
      expect(plan).not.toMatch(/SCAN users|Seq Scan|Hash|Merge/);
    }
  });

  async function explained(db: Db, group: string, afterId: string | null) {
    const queries: { sql: string; bindings: readonly unknown[] }[] = [];
    db.on('query', (query) => queries.push(query));
    const page = (await membersAfter(db, group, afterId)).map(({ userId }) => userId);
    db.removeAllListeners('query');
    const [query] = queries;
    const explain = dialect === 'postgres' ? 'explain' : 'explain query plan';
    const sql = query?.sql.replaceAll(/\$\d+/g, '?');
    return { page, plan: JSON.stringify(await db.raw(`${explain} ${sql}`, query?.bindings as never)) };
  }
});
