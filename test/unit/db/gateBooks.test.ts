/** What a gate reads, and what keeps that of a harmless plan from opening in one statement, on both databases. */

import { reservingPerson } from '../../../src/db/brake/brakeLedger.ts';
import { announceUnhindered, readBooks } from '../../../src/db/brake/gateBooks.ts';
import { insertHeld } from '../../../src/db/brake/losses.ts';
import { writeTogether } from '../../../src/db/knex/writing.ts';
import type { Db } from '../../../src/db/open.ts';
import { addingToCause } from '../../../src/db/queue/causes.ts';
import { enqueueTask, PRIORITY } from '../../../src/db/queue/enqueue.ts';
import { acquireLease, type Lease } from '../../../src/db/queue/leases.ts';
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

  const holdSomething = () => {
    const change = { op: 'disable', subject: { ...ann, display: 'Ann' }, remoteId: '1' } as const;
    const held = {
      environmentId: 'e',
      storeId: 's',
      subject: ann,
      personKey: 'ann',
      changeKey: 'disable ann',
    };
    const why = { desired: 'inactive', cause: 'c1', reason: 'the brake tripped', rank: 0, incidentId: null };
    return insertHeld(db, [{ ...held, ...why, change }], AT);
  };
  const applySomething = () =>
    db('applied_changes').insert({
      ...{ store_id: 's', change_key: 'x', run_id: 'r', include_held: false, body: '{}', created_at: AT },
    });

  const giveKeysTo = async (id: string) => {
    const made = await insertLink(
      db,
      {
        ...{ environmentId: 'e', storeId: 's', subject: { kind: 'user', id }, remoteId: id },
        ...{ remoteName: id, origin: 'created', state: 'enabled' },
      },
      AT,
    );
    await replaceKeysOfLink(db, 's', made.id, new Map(), keys);
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
    await holdSomething();
    expect(await announced()).toBe(false);
  });

  it('does not where an applied preview says what may be done', async () => {
    await applySomething();
    expect(await announced()).toBe(false);
  });

  it('does not where a key is another one’s, and does where it is the own', async () => {
    await giveKeysTo('ann');
    expect(await announced()).toBe(true);
    await db('tasks').update({ intent: null });
    await giveKeysTo('bob');
    expect(await announced()).toBe(false);
  });

  describe('the books', () => {
    const cause = { correlationId: 'c1', storeId: '', description: 'PATCH', people: 2, at: AT };
    const asked = { storeId: 's', subject: ann, keys, correlationIds: ['c1'], windowStart: AT };
    const books = (personKeys: readonly string[] = ['ann']) => readBooks(db, { ...asked, personKeys });
    const lose = (people: readonly string[], at: string) =>
      writeTogether(
        db,
        people.map((person) => reservingPerson('s', person, 7, at)),
      );

    it('have nothing of somebody who never lost anything', async () => {
      expect(await books()).toMatchObject({
        ...{ known: [], isSomeApplied: false, isKeyHeld: false },
        ...{ window: { since: AT, used: 0, base: null }, causes: { counts: [], isDecided: false } },
      });
    });

    it('have what stands, what is applied and whose the keys are', async () => {
      await holdSomething();
      await applySomething();
      await giveKeysTo('bob');
      const { known, ...flags } = await books();
      expect(known).toMatchObject([{ changeKey: 'disable ann', state: 'held' }]);
      expect(flags).toMatchObject({ isSomeApplied: true, isKeyHeld: true });
    });

    it('count the window once, however many people are asked for', async () => {
      const many = Array.from({ length: 1_100 }, (_, n) => `person${n}`);
      for (const person of many.slice(0, 3)) await lose([person], AT);
      for (const person of [...many.slice(-2), 'zoe']) await lose([person], LATER);
      await writeTogether(db, [addingToCause(cause)]);
      const { window, causes } = await books(many);
      expect({ ...window, inWindow: [...window.inWindow].sort() }).toEqual({
        ...{ since: AT, used: 3, base: 7, inWindow: ['person1098', 'person1099'] },
      });
      expect(causes.counts).toEqual([{ people: 2, subjects: 1 }]);
    });
  });
});
