/** What keeps the gate of a harmless plan from opening in one statement, on both databases. */

import { announceUnhindered } from '../../../src/db/brake/gateBooks.ts';
import { insertHeld } from '../../../src/db/brake/losses.ts';
import type { Db } from '../../../src/db/open.ts';
import { acquireLease, type Lease } from '../../../src/db/queue/leases.ts';
import { enqueueTask, PRIORITY } from '../../../src/db/queue/tasks.ts';
import { replaceKeysOfLink } from '../../../src/db/seen/keys.ts';
import { insertLink } from '../../../src/db/seen/links.ts';
import { contextVersionOf, raiseContextVersion } from '../../../src/db/stores/contextVersions.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, LATER, withStore } from './store.ts';

const ann = { kind: 'user', id: 'ann' } as const;
const keys = [{ attribute: 'email', value: 'Ann@acme.example' }];
const intent = { ops: ['update'], attributes: { title: 'Cook' } };
const applicant = (holder: string) => ({ holder, isGone: async () => true, takeOver: async () => {} });
const times = { expiresAt: LATER, deadBefore: AT };

onEachDatabase((open) => {
  let db: Db;
  let lease: Lease;
  let contextVersion: number;
  beforeEach(async () => {
    db = await withStore(open);
    lease = (await acquireLease(db, 's', applicant('a'), times)) as Lease;
    contextVersion = (await contextVersionOf(db, 's')) as number;
    await enqueueTask(db, 's', {
      ...{ environmentId: 'e', subject: ann, priority: PRIORITY.normal, correlationIds: [], at: AT },
    });
  });

  const announced = async (): Promise<boolean> => {
    const { id: taskId } = await db('tasks').first('id');
    const plan = { taskId, subject: ann, keys, contextVersion };
    const isAnnounced = await announceUnhindered(db, lease, plan, intent);
    const { intent: noted } = await db('tasks').first('intent');
    expect(noted !== null).toBe(isAnnounced);
    return isAnnounced;
  };

  it('writes down what is about to be done where nothing stands in the way', async () => {
    expect(await announced()).toBe(true);
  });

  it('does not under a lease that somebody else has taken', async () => {
    await acquireLease(db, 's', applicant('b'), times);
    expect(await announced()).toBe(false);
  });

  it('does not by settings that were saved since', async () => {
    await raiseContextVersion(db, 's');
    expect(await announced()).toBe(false);
  });

  it('does not where something of the subject waits for a decision, or was decided', async () => {
    const change = { op: 'disable', subject: { ...ann, display: 'Ann' }, remoteId: '1' } as const;
    const held = {
      environmentId: 'e',
      storeId: 's',
      subject: ann,
      personKey: 'ann',
      changeKey: 'disable ann',
    };
    const why = { desired: 'inactive', cause: 'c1', reason: 'the brake tripped', rank: 0, incidentId: null };
    await insertHeld(db, [{ ...held, ...why, change }], AT);
    expect(await announced()).toBe(false);
  });

  it('does not where an applied preview says what may be done', async () => {
    await db('applied_changes').insert({
      ...{ store_id: 's', change_key: 'x', run_id: 'r', include_held: false, body: '{}', created_at: AT },
    });
    expect(await announced()).toBe(false);
  });

  it('does not where a key is another one’s, and does where it is the own', async () => {
    const of = (id: string) =>
      insertLink(
        db,
        {
          ...{ environmentId: 'e', storeId: 's', subject: { kind: 'user', id }, remoteId: id },
          ...{ remoteName: id, origin: 'created', state: 'enabled' },
        },
        AT,
      );
    const own = await of('ann');
    await replaceKeysOfLink(db, 's', own.id, new Map(), keys);
    expect(await announced()).toBe(true);
    await db('tasks').update({ intent: null });
    const other = await of('bob');
    await replaceKeysOfLink(db, 's', other.id, new Map(), keys);
    expect(await announced()).toBe(false);
  });
});
