/** What a task remembers of a call whose outcome is unknown, on both databases. */

import { dueOnStore } from '../../../src/db/queue/dueTasks.ts';
import { parkTask, setIntent } from '../../../src/db/queue/queue.ts';
import { enqueueTask, PRIORITY } from '../../../src/db/queue/tasks.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, LATER, withStore } from './store.ts';

const ANY = { limit: 10, except: [], onlyLeavers: false };

onEachDatabase((open) => {
  it.each([true, false])(
    'parked while a write came, it keeps the intent only of an unknown outcome (%s)',
    async (unknownOutcome) => {
      const db = await withStore(open);
      const write = (correlationId: string) =>
        enqueueTask(db, 's', {
          environmentId: 'e',
          subject: { kind: 'user', id: 'ann' },
          priority: PRIORITY.normal,
          correlationIds: [correlationId],
          at: AT,
        });
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
});
