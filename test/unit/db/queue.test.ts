/** How a task ends: what it remembers of a call whose outcome is unknown, and what is written along with it. */

import type { Db } from '../../../src/db/open.ts';
import { dueOnStore } from '../../../src/db/queue/dueTasks.ts';
import { enqueueTask, PRIORITY } from '../../../src/db/queue/enqueue.ts';
import {
  completeTask,
  type DueTask,
  type Ending,
  holdTask,
  parkTask,
  recheckTask,
  setIntent,
} from '../../../src/db/queue/queue.ts';
import { getSyncStatus } from '../../../src/db/seen/syncStatuses.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, LATER, withStore } from './store.ts';

const ANY = { limit: 10, except: [], onlyLeavers: false };
const ANN = { kind: 'user', id: 'ann' } as const;

const SAID = {
  ...{ environmentId: 'e', storeId: 's', subject: ANN, status: 'partiallySynced' as const },
  ...{ vendor: null, correlationId: null, since: AT, lastSyncAt: AT },
};

function ask(db: Db, correlationId: string): Promise<void> {
  const about = { environmentId: 'e', subject: ANN, priority: PRIORITY.normal };
  return enqueueTask(db, 's', { ...about, correlationIds: [correlationId], at: AT });
}

onEachDatabase((open) => {
  it.each([true, false])(
    'parked while a write came, it keeps the intent only of an unknown outcome (%s)',
    async (unknownOutcome) => {
      const db = await withStore(open);
      const write = (correlationId: string) => ask(db, correlationId);
      await write('first');
      const task = (await dueOnStore(db, 's', LATER, ANY))?.tasks[0];
      if (!task) throw new Error('nothing is due');
      const intent = { ops: ['create'], attributes: {}, identifier: 'ann@acme.example' } as const;
      await setIntent(db, task.id, intent);
      await write('second');
      const error = { message: 'refused', status: 400, code: null };
      await parkTask(db, task, { failedAt: AT, error, unknownOutcome });
      expect(await dueOnStore(db, 's', LATER, ANY)).toMatchObject({
        store: { id: 's' },
        tasks: [{ intent: unknownOutcome ? intent : null, attempts: 0, causes: ['second'] }],
      });
    },
  );

  it.each([
    ['completed', completeTask],
    ['held', holdTask],
    [
      'put off',
      (db: Db, task: DueTask, ending: Ending) =>
        recheckTask(db, task, { runAt: LATER, awaitsVendor: false }, ending),
    ],
  ] as const)(
    '%s, it has what was said of the subject written along, also where a write came',
    async (_how, end) => {
      const db = await withStore(open);
      for (const [said, meanwhile, causes] of [
        ['first', false, null],
        ['second', true, ['later']],
      ] as const) {
        await ask(db, 'earlier');
        const task = (await dueOnStore(db, 's', LATER, ANY))?.tasks[0];
        if (!task) throw new Error('nothing is due');
        if (meanwhile) await ask(db, 'later');
        const record = { ...SAID, reason: said };
        await end(db, task, { said: record, events: [] });
        expect(await getSyncStatus(db, 's', ANN)).toMatchObject({ reason: said });
        const left = (await dueOnStore(db, 's', AT, ANY))?.tasks ?? [];
        expect(left.map((one) => one.causes)).toEqual(causes === null ? [] : [causes]);
        await db('tasks').delete();
      }
    },
  );
});
