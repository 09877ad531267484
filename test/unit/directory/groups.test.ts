/** A SCIM write to a group: its row, its memberships, its task and its event, or none of them. */

import { membersWithNames } from '../../../src/db/identity/groupMembers.ts';
import { findGroup, findGroupEvenDeleted } from '../../../src/db/identity/groups.ts';
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
