/** A SCIM write to a group: its row, its memberships, its task and its event, or none of them. */

import type { Knex } from 'knex';
import { membersWithNames } from '../../../src/db/identity/groupMembers.ts';
import { findGroup, findGroupEvenDeleted } from '../../../src/db/identity/groups.ts';
import { answeredWithin, Late } from '../../../src/directory/deadline.ts';
import { changeGroup, createGroup, deleteGroup } from '../../../src/directory/groups.ts';
import type { MemberEdit } from '../../../src/directory/members.ts';
import { createUser } from '../../../src/directory/users.ts';
import type { Directory, Write } from '../../../src/directory/write.ts';
import { onEachDatabase } from '../../database.ts';
import { connection, directoryOn, store } from './tenants.ts';

async function people(directory: Directory, write: Write, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    ids.push((await createUser(directory, write, { userName: `${write.connectionId}-${n}` })).id);
  }
  return ids;
}

function edit(directory: Directory, write: Write, id: string, members: readonly MemberEdit[]) {
  return changeGroup(directory, write, id, {
    precondition: null,
    edit: (resource) => ({ resource, members }),
  });
}

const emptyGroup = (directory: Directory, write: Write, id: string) =>
  edit(directory, write, id, [{ op: 'removeAll' }]);

/** Members of the group, who are nothing else. */
async function crowdInto(db: Knex, { connectionId }: Write, groupId: string, count: number): Promise<void> {
  const numbers = 'with recursive n(i) as (select 1 union all select i + 1 from n where i < ?)';
  const at = '2026-01-01T00:00:00.000Z';
  const id = "'crowd-' || i";
  await db.raw(
    `${numbers} insert into persons (id, environment_id, created_at) select ${id}, 'default', ? from n`,
    [count, at],
  );
  await db.raw(
    `${numbers} insert into users (id, person_id, environment_id, connection_id, user_name, user_name_lower, active, version, created_at, updated_at, resource)
     select ${id}, ${id}, 'default', ?, ${id}, ${id}, ?, 1, ?, ?, '{}' from n`,
    [count, connectionId, true, at, at],
  );
  await db.raw(
    `${numbers} insert into group_members (group_id, user_id, created_at) select ?, ${id}, ? from n`,
    [count, groupId, at],
  );
}

onEachDatabase((open) => {
  it('makes the group, its memberships, its task and its event, and no task for a member', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    const ids = await people(directory, write('/Users'), 3);
    await store(db, 'default');
    const group = await createGroup(directory, write('/Groups'), { displayName: 'Sales' }, ids);
    expect((await membersWithNames(db, group.id)).map((member) => member.userId).sort()).toEqual(
      [...ids].sort(),
    );
    expect(await db('tasks').select('kind', 'subject_id')).toEqual([{ kind: 'group', subject_id: group.id }]);
    const [event] = await db('events').where({ kind: 'group.created' });
    expect(jsonOf(event.after)).toMatchObject({ displayName: 'Sales', members: { added: 3, removed: 0 } });
  });

  it('writes the difference alone, whatever the edits', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    const [a = '', b = '', c = '', d = ''] = await people(directory, write('/Users'), 4);
    const group = await createGroup(directory, write('/Groups'), { displayName: 'Sales' }, [a, b]);
    const since = async () =>
      new Map((await db('group_members')).map((row) => [row.user_id, row.created_at]));
    const before = await since();
    const after = await edit(directory, write('/Groups/1', 'c1'), group.id, [
      { op: 'removeAll' },
      { op: 'add', ids: [b, c] },
      { op: 'add', ids: [c, d, c] },
      { op: 'remove', ids: [d] },
    ]);
    expect(after.version).toBe(2);
    expect([...(await since()).keys()].sort()).toEqual([b, c].sort());
    expect((await since()).get(b)).toBe(before.get(b));
    expect(await db('causes')).toMatchObject([{ correlation_id: 'c1', people: 1 }]);
    const [event] = await db('events').where({ kind: 'group.updated' });
    expect(jsonOf(event.after)).toEqual({
      members: { added: 1, addedIds: [c], removed: 1, removedIds: [a] },
    });
  });

  it('takes adding a member and removing a stranger for done already', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    await store(db, 'default');
    const [a = '', b = ''] = await people(directory, write('/Users'), 2);
    const group = await createGroup(directory, write('/Groups'), { displayName: 'Sales' }, [a]);
    const trace = async () => [await db('events'), await db('tasks'), await db('groups'), directory.wakes];
    const before = await trace();
    await edit(directory, write('/Groups/1'), group.id, [
      { op: 'add', ids: [a] },
      { op: 'remove', ids: [b, 'nobody'] },
    ]);
    await edit(directory, write('/Groups/1'), group.id, [{ op: 'replace', ids: [a, a] }]);
    expect(await trace()).toEqual(before);
  });

  it('names the member that it does not know, and writes nothing', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    const other = await connection(db, 'default', false);
    const [a = ''] = await people(directory, write('/Users'), 1);
    const [foreign = ''] = await people(directory, other('/Users'), 1);
    const group = await createGroup(directory, write('/Groups'), { displayName: 'Sales' }, []);
    const nested = await createGroup(directory, write('/Groups'), { displayName: 'Other' }, []);
    for (const unknown of ['nobody', foreign, nested.id]) {
      const work = edit(directory, write('/Groups/1'), group.id, [{ op: 'add', ids: [a, unknown] }]);
      await expect(work).rejects.toMatchObject({
        reason: 'invalidValue',
        message: expect.stringContaining(unknown),
      });
    }
    expect(await db('group_members')).toEqual([]);
    expect((await findGroup(db, write('').connectionId, group.id))?.version).toBe(1);
  });

  it.each([
    [10_001, 'goes on', deleteGroup, []],
    [10_000, 'gives up', deleteGroup, [1]],
    [10_001, 'goes on', emptyGroup, []],
    [10_000, 'gives up', emptyGroup, [1]],
  ])('with %i memberships to end when its time is over, %s', async (count, _, end, left) => {
    const db = await open();
    const directory = directoryOn(db);
    const write = (await connection(db))('/Groups/1');
    const { id } = await createGroup(directory, write, { displayName: 'Sales' }, []);
    await crowdInto(db, write, id, count);
    const { promise: time, resolve: over } = Promise.withResolvers<void>();
    let work: Promise<unknown> = Promise.resolve();
    const answer = answeredWithin({ ...directory.clock, sleep: () => time }, 1_250, (deadline) => {
      const begin = () => {
        deadline.begin();
        over();
      };
      work = end(directory, { ...write, deadline: { ...deadline, begin } }, id, null);
      return work;
    });
    await expect(answer).rejects.toBeInstanceOf(Late);
    await work.catch(() => {});
    expect(await db('group_members').where({ group_id: id }).limit(1).select(db.raw('1 as n'))).toEqual(
      left.map((n) => ({ n })),
    );
  });

  it('counts everybody who is in a group that goes', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    const ids = await people(directory, write('/Users'), 25);
    const group = await createGroup(directory, write('/Groups'), { displayName: 'Sales' }, ids);
    await deleteGroup(directory, write('/Groups/1', 'c1'), group.id, null);
    expect(await db('causes')).toMatchObject([{ correlation_id: 'c1', people: 25 }]);
    expect(await db('group_members')).toEqual([]);
    expect(await findGroupEvenDeleted(db, group.id)).toMatchObject({ deletedAt: expect.any(String) });
    const [event] = await db('events').where({ kind: 'group.deleted' });
    const { members } = jsonOf(event.before) as { members: { removed: number; removedIds: string[] } };
    expect(members.removed).toBe(25);
    expect(members.removedIds).toHaveLength(20);
    await createGroup(directory, write('/Groups'), { displayName: 'SALES' }, []);
  });

  it('refuses a taken name in any case', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    await createGroup(directory, write('/Groups'), { displayName: 'Sales' }, []);
    const second = createGroup(directory, write('/Groups'), { displayName: 'sales' }, []);
    await expect(second).rejects.toMatchObject({ reason: 'taken' });
  });
});

function jsonOf(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}
