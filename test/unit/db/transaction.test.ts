/** Writers that cross each other on PostgreSQL: whoever is rolled back for it writes again, and both are done. */

import { transact } from '../../../src/db/transaction.ts';
import { onEachDatabase } from '../../database.ts';

onEachDatabase((open, dialect) => {
  it('does again what a deadlock rolled back, and nothing else', async () => {
    const db = await open();
    await db('bridge').insert(['a', 'b'].map((key) => ({ key, value: '' })));
    let waiting = 0;
    let attempts = 0;
    const meet = Promise.withResolvers<void>();
    const write = (first: string, second: string) =>
      transact(db, async (tx) => {
        attempts += 1;
        await tx('bridge')
          .where({ key: first })
          .update({ value: tx.raw('value || ?', [first]) });
        waiting += 1;
        // On SQLite nobody can cross: the other begins when this one is done.
        if (waiting === 2 || dialect === 'sqlite') meet.resolve();
        await meet.promise;
        await tx('bridge')
          .where({ key: second })
          .update({ value: tx.raw('value || ?', [first]) });
        return first;
      });
    expect(await Promise.all([write('a', 'b'), write('b', 'a')])).toEqual(['a', 'b']);
    // The one that begins anew may cross the other once more.
    if (dialect === 'postgres') expect(attempts).toBeGreaterThan(2);
    else expect(attempts).toBe(2);
    for (const { value } of await db('bridge').whereIn('key', ['a', 'b']))
      expect([...value].sort()).toEqual(['a', 'b']);

    attempts = 0;
    const failing = transact(db, () => {
      attempts += 1;
      return Promise.reject(new Error('refused'));
    });
    await expect(failing).rejects.toThrow('refused');
    expect(attempts).toBe(1);
  });
});
