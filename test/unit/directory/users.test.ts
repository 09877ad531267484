/** A SCIM write to a user: its row, its person, its tasks and its event, or none of them. */

import { lastDeletedUser, speakingUser } from '../../../src/db/identity/persons.ts';
import { findUser } from '../../../src/db/identity/users.ts';
import { DirectoryRefusal } from '../../../src/directory/refusal.ts';
import { changeUser, createUser, deleteUser } from '../../../src/directory/users.ts';
import type { Directory, Write } from '../../../src/directory/write.ts';
import type { Resource } from '../../../src/model/resource.ts';
import { newId } from '../../../src/support/ids.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, connection, directoryOn, store } from './tenants.ts';

const ann = { userName: 'ann', emails: [{ value: 'ann@example.com', primary: true }], title: 'Engineer' };

function change(directory: Directory, write: Write, id: string, patch: Resource) {
  return changeUser(directory, write, id, {
    precondition: null,
    edit: (current) => ({ ...current, ...patch }),
  });
}

onEachDatabase((open) => {
  it('makes user, person, tasks and event in one go, and wakes the worker after it', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = (await connection(db))('/Users', 'c1');
    const active = await store(db, 'default');
    await store(db, 'default', 'INACTIVE');
    const user = await createUser(directory, write, ann);
    expect(user).toMatchObject({ active: true, version: 1, resource: { ...ann, active: true } });
    expect(await db('tasks')).toMatchObject([
      { store_id: active, kind: 'user', subject_id: user.personId, priority: 5, state: 'pending' },
    ]);
    expect(await db('task_causes')).toMatchObject([{ correlation_id: 'c1' }]);
    expect(await db('events')).toMatchObject([
      { kind: 'user.created', subject_id: user.personId, subject_display: 'ann', actor_type: 'connection' },
    ]);
    expect(await db('causes')).toEqual([]);
    expect(directory.wakes).toBe(1);
  });

  it('writes nothing at all when one of the writes fails', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    await db.schema.dropTable('event_correlations');
    await db.schema.dropTable('events');
    await expect(createUser(directory, write('/Users'), ann)).rejects.toThrow();
    expect(await db('users')).toEqual([]);
    expect(await db('persons')).toEqual([]);
    expect(directory.wakes).toBe(0);
  });

  it('leaves no trace of a change that changes nothing', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    await store(db, 'default');
    const user = await createUser(directory, write('/Users'), ann);
    const trace = async () => [await db('events'), await db('tasks'), await db('users'), directory.wakes];
    const before = await trace();
    const same = await changeUser(directory, write('/Users/1'), user.id, {
      precondition: null,
      edit: (current) => Object.fromEntries(Object.entries(current).reverse()),
    });
    expect(same).toMatchObject({ version: 1, updatedAt: user.updatedAt });
    expect(await trace()).toEqual(before);
  });

  it('puts leavers first and counts what their request could take', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    await store(db, 'default');
    const user = await createUser(directory, write('/Users'), ann);
    await change(directory, write('/Users/1', 'c2'), user.id, { title: 'Director' });
    expect(await db('causes')).toEqual([]);
    await change(directory, write('/Users/1', 'c3'), user.id, { active: false });
    expect(await db('tasks')).toMatchObject([{ priority: 0, seq: 3 }]);
    expect(await db('causes')).toMatchObject([
      { correlation_id: 'c3', store_id: '', description: 'PATCH /Users/1', people: 1 },
    ]);
    const events = await db('events').orderBy('id');
    expect(events.map((event) => event.kind)).toEqual(['user.created', 'user.updated', 'user.deactivated']);
    expect(jsonOf(events[1].before)).toEqual({ title: 'Engineer' });
    expect(jsonOf(events[1].after)).toEqual({ title: 'Director' });
  });

  it('names a pull where there was no request', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write: Write = { ...(await connection(db))('', 'c1'), origin: { kind: 'pull', source: 'Okta' } };
    await store(db, 'default');
    const user = await createUser(directory, write, ann);
    await change(directory, write, user.id, { active: false });
    expect(await db('causes')).toMatchObject([
      { correlation_id: 'c1', description: 'pull of Okta', people: 1 },
    ]);
    expect(await db('events').orderBy('id').select('kind', 'request')).toEqual([
      { kind: 'user.created', request: null },
      { kind: 'user.deactivated', request: null },
    ]);
  });

  it('forgets held losses of whoever is active again or comes back', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    const storeId = await store(db, 'default');
    const user = await createUser(directory, write('/Users'), { ...ann, active: false });
    const hold = (personId: string) =>
      db('losses').insert({
        id: newId(),
        environment_id: 'default',
        store_id: storeId,
        kind: 'user',
        subject_id: personId,
        person_key: personId,
        change_key: 'k',
        change: '{}',
        desired: 'd',
        reason: 'r',
        rank: 0,
        state: 'discarded',
        since: AT,
      });
    await hold(user.personId);
    await hold('somebody else');
    await change(directory, write('/Users/1'), user.id, { active: true });
    expect(await db('losses').where({ standing: true })).toMatchObject([{ subject_id: 'somebody else' }]);
    await deleteUser(directory, write('/Users/1'), user.id, null);
    await hold(user.personId);
    const again = await createUser(directory, write('/Users'), ann);
    expect(again.personId).toBe(user.personId);
    expect(await db('losses').where({ standing: true })).toMatchObject([{ subject_id: 'somebody else' }]);
  });

  it('refuses a taken userName, an unknown id and another version', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    const { id } = await createUser(directory, write('/Users'), ann);
    await createUser(directory, write('/Users'), { userName: 'bob' });
    const refusal = (work: Promise<unknown>) =>
      work.then(
        () => null,
        (error: unknown) => (error instanceof DirectoryRefusal ? error.reason : error),
      );
    expect(await refusal(createUser(directory, write('/Users'), { userName: 'ANN' }))).toBe('taken');
    expect(await refusal(change(directory, write('/Users/1'), id, { userName: 'BOB' }))).toBe('taken');
    expect(await refusal(change(directory, write('/Users/1'), 'nobody', {}))).toBe('notFound');
    const stale = { precondition: (version: number) => version === 7, edit: () => ({ userName: 'x' }) };
    expect(await refusal(changeUser(directory, write('/Users/1'), id, stale))).toBe('versionMismatch');
    expect(await refusal(deleteUser(directory, write('/Users/1'), id, stale.precondition))).toBe(
      'versionMismatch',
    );
    expect(await refusal(createUser(directory, write('/Users'), { userName: 'é'.repeat(2000) }))).toBe(
      'invalidValue',
    );
    const elsewhere = await connection(db, 'default', false);
    expect(await refusal(change(directory, elsewhere('/Users/1'), id, {}))).toBe('notFound');
    expect((await findUser(db, write('').connectionId, id))?.version).toBe(1);
  });

  it('keeps a tombstone, ends memberships and tells no group', async () => {
    const db = await open();
    const directory = directoryOn(db);
    const write = await connection(db);
    await store(db, 'default');
    const user = await createUser(directory, write('/Users'), ann);
    await db('groups').insert({
      id: 'g',
      environment_id: 'default',
      connection_id: write('').connectionId,
      display_name: 'G',
      display_name_lower: 'g',
      resource: '{"displayName":"G"}',
      version: 1,
      created_at: AT,
      updated_at: AT,
    });
    await db('group_members').insert({ group_id: 'g', user_id: user.id, created_at: AT });
    await deleteUser(directory, write('/Users/1', 'c9'), user.id, null);
    expect(await db('group_members')).toEqual([]);
    expect(await db('groups').select('version')).toEqual([{ version: 2 }]);
    expect(await db('tasks').select('kind', 'priority')).toEqual([{ kind: 'user', priority: 0 }]);
    expect(await db('causes')).toMatchObject([{ correlation_id: 'c9', people: 1 }]);
    expect(await speakingUser(db, user.personId)).toBeNull();
    expect(await lastDeletedUser(db, user.personId)).toMatchObject({ id: user.id, userName: 'ann' });
  });

  describe('persons', () => {
    it('returns by externalId, or by userName in any case, with a new id', async () => {
      const db = await open();
      const directory = directoryOn(db);
      const write = await connection(db);
      const first = await createUser(directory, write('/Users'), { userName: 'ann', externalId: 'x1' });
      await deleteUser(directory, write('/Users/1'), first.id, null);
      const second = await createUser(directory, write('/Users'), { userName: 'ann.lee', externalId: 'x1' });
      expect(second.personId).toBe(first.personId);
      expect(second.id).not.toBe(first.id);
      await deleteUser(directory, write('/Users/1'), second.id, null);
      const third = await createUser(directory, write('/Users'), { userName: 'ANN.LEE' });
      expect(third.personId).toBe(first.personId);
      await deleteUser(directory, write('/Users/1'), third.id, null);
      await db('connections').update({ reused_identifiers: 'SamePerson' });
      const fourth = await createUser(directory, write('/Users'), { userName: 'ann', externalId: 'x3' });
      expect(fourth.personId).toBe(first.personId);
    });

    it('is somebody else where both have an externalId, and not the same', async () => {
      const db = await open();
      const directory = directoryOn(db);
      const write = await connection(db);
      const first = await createUser(directory, write('/Users'), { userName: 'ann', externalId: 'x1' });
      await deleteUser(directory, write('/Users/1'), first.id, null);
      const second = await createUser(directory, write('/Users'), { userName: 'ann', externalId: 'x2' });
      expect(second.personId).not.toBe(first.personId);
    });

    it('is never two live users of one connection', async () => {
      const db = await open();
      const directory = directoryOn(db);
      const write = await connection(db);
      const first = await createUser(directory, write('/Users'), { userName: 'ann', externalId: 'x1' });
      await deleteUser(directory, write('/Users/1'), first.id, null);
      const second = await createUser(directory, write('/Users'), { userName: 'ann' });
      const third = await createUser(directory, write('/Users'), { userName: 'other', externalId: 'x1' });
      expect(second.personId).toBe(first.personId);
      expect(third.personId).not.toBe(first.personId);
    });

    it("is matched with another connection's active user by primary e-mail", async () => {
      const db = await open();
      const directory = directoryOn(db);
      const primary = await connection(db);
      const secondary = await connection(db, 'default', false);
      const stranger = await connection(db, 'elsewhere');
      // Otherwise whoever brings the first user is the primary connection.
      await createUser(directory, primary('/Users'), { userName: 'somebody' });
      const first = await createUser(directory, secondary('/Users'), ann);
      const second = await createUser(directory, primary('/Users'), {
        userName: 'a.lee',
        emails: [{ value: 'ANN@example.com', type: 'work' }],
      });
      expect(second.personId).toBe(first.personId);
      expect((await createUser(directory, stranger('/Users'), ann)).personId).not.toBe(first.personId);
      expect((await speakingUser(db, first.personId))?.id).toBe(second.id);
      await deleteUser(directory, primary('/Users/1'), second.id, null);
      expect((await speakingUser(db, first.personId))?.id).toBe(first.id);
      await change(directory, secondary('/Users/1'), first.id, { active: false });
      const third = await createUser(directory, primary('/Users'), { ...ann, userName: 'new' });
      expect(third.personId).not.toBe(first.personId);
    });
  });
});

function jsonOf(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}
