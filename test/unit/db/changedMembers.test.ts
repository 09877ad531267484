/** What a group's task remembers of whose memberships changed, on both databases. */

import type { Db } from '../../../src/db/open.ts';
import { mergePerson } from '../../../src/db/people/merge.ts';
import { CHANGED_MEMBERS_MAX } from '../../../src/db/queue/changedMembers.ts';
import { dueOnStore } from '../../../src/db/queue/dueTasks.ts';
import { enqueueTask, PRIORITY } from '../../../src/db/queue/enqueue.ts';
import { completeTask, type DueTask, retryLater } from '../../../src/db/queue/queue.ts';
import { retryTask } from '../../../src/db/queue/tasks.ts';
import { knownGroups, saveWalked } from '../../../src/db/seen/knownGroups.ts';
import { insertLink, updateLink } from '../../../src/db/seen/links.ts';
import { upsertSyncStatus } from '../../../src/db/seen/syncStatuses.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, LATER, withStore } from './store.ts';

const people = (count: number, prefix = 'p') => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

onEachDatabase((open) => {
  let db: Db;
  beforeEach(async () => {
    db = await withStore(open);
  });

  const write = (changed: readonly string[] | null) =>
    enqueueTask(db, 's', {
      environmentId: 'e',
      subject: { kind: 'group', id: 'crew' },
      priority: PRIORITY.normal,
      correlationIds: [],
      at: AT,
      people: changed,
    });
  const due = async (): Promise<DueTask> => {
    const wanted = { limit: 1, except: [], onlyLeavers: false };
    const task = (await dueOnStore(db, 's', LATER, wanted))?.tasks[0];
    if (!task) throw new Error('nothing is due');
    return task;
  };
  const changed = async () => (await due()).changedMembers;
  const isWalked = async (contextVersion: number) =>
    (await knownGroups(db, { id: 's', contextVersion }, ['crew'])).get('crew')?.isWalked;

  it('gathers whom writes were about, and forgets them for a write that was about more', async () => {
    await write(['ann', 'bob']);
    await write(['bob', 'cyd']);
    expect(await changed()).toEqual(['ann', 'bob', 'cyd']);
    await write(null);
    expect(await changed()).toBeNull();
    await write(['dan']);
    expect(await changed()).toBeNull();
  });

  it('asks for the whole group beyond a bound, in one write or in many', async () => {
    await write(people(CHANGED_MEMBERS_MAX));
    expect(await changed()).toHaveLength(CHANGED_MEMBERS_MAX);
    await write(['one more']);
    expect(await changed()).toBeNull();
    await completeTask(db, await due());
    await write(people(CHANGED_MEMBERS_MAX + 1));
    expect(await changed()).toBeNull();
  });

  it('keeps whoever changed while an attempt was under way, and nobody else', async () => {
    await write(['ann', 'bob']);
    const task = await due();
    await write(['bob', 'cyd']);
    await completeTask(db, task);
    expect(await changed()).toEqual(['bob', 'cyd']);
    await completeTask(db, await due());
    expect(await db('task_members')).toEqual([]);
  });

  it('looks at the whole group again only for what came after an attempt at the whole had begun', async () => {
    await write(null);
    const task = await due();
    await write(['ann']);
    await completeTask(db, task);
    expect(await changed()).toEqual(['ann']);
    const narrow = await due();
    await write(null);
    await completeTask(db, narrow);
    expect(await changed()).toBeNull();
  });

  it('looks at the whole group where somebody turns out to be another person meanwhile', async () => {
    await write(['ann', 'bob']);
    const task = await due();
    await db.transaction((tx) => mergePerson(tx, 'ann', 'cyd'));
    await completeTask(db, task);
    expect(await changed()).toBeNull();
  });

  it('looks at the whole group once its members were read anew', async () => {
    const subject = { kind: 'group', id: 'crew' } as const;
    const known = { environmentId: 'e', storeId: 's', subject };
    const remote = { remoteId: 'r', remoteName: 'Crew', origin: 'created', state: 'enabled' } as const;
    const { id } = await insertLink(db, { ...known, ...remote, membersReadAt: AT }, AT);
    const said = { status: 'synced', reason: null, vendor: null, correlationId: null } as const;
    await upsertSyncStatus(db, { ...known, ...said, since: AT, lastSyncAt: AT });
    await saveWalked(db, id, 7);
    expect(await isWalked(7)).toBe(true);
    expect(await isWalked(8)).toBe(false);
    await updateLink(db, id, { membersReadAt: LATER }, LATER);
    expect(await isWalked(7)).toBe(false);
  });

  it('keeps all of it through failures, and asks for the whole where an admin tries again', async () => {
    await write(['ann']);
    const task = await due();
    await retryLater(db, task, AT, { failedAt: AT, error: { message: 'x', status: null, code: null } });
    expect(await changed()).toEqual(['ann']);
    await retryTask(db, task.id, AT);
    expect(await changed()).toBeNull();
  });
});
