/** Statements of one transaction that are sent without waiting for each other. */

import type { Knex } from 'knex';
import { insertingAll } from '../../../src/db/knex/writing.ts';
import type { Db } from '../../../src/db/open.ts';
import { send, together, transact } from '../../../src/db/transaction.ts';
import { onEachDatabase } from '../../database.ts';

onEachDatabase((open) => {
  let db: Knex;
  beforeEach(async () => {
    db = await open();
    await db.schema.createTable('people', (table) => table.text('id').primary());
    await db('people').insert({ id: 'ann' });
  });
  const people = () => db('people').orderBy('id').pluck('id');
  const add = async (tx: Db, ...ids: string[]) => {
    for (const id of ids) await tx('people').insert({ id });
    return ids.length;
  };

  const adding = (...ids: string[]) => [insertingAll({ table: 'people', rows: ids.map((id) => ({ id })) })];

  it('are all done, and answered in the order in which they stand', async () => {
    const answers = await transact(db, (tx) =>
      together(add(tx, 'bob', 'dan'), false, tx('people').where({ id: 'ann' }).pluck('id'), add(tx, 'cid')),
    );
    expect(answers).toEqual([2, false, ['ann'], 1]);
    expect(await people()).toEqual(['ann', 'bob', 'cid', 'dan']);
  });

  it('fail with what went wrong first, whatever comes of the others, and all is undone', async () => {
    const twice = transact(db, (tx) =>
      together(add(tx, 'bob', 'cid'), add(tx, 'ann'), add(tx, 'dan', 'eve')),
    );
    await expect(twice).rejects.toThrow(/unique|duplicate/i);
    expect(await people()).toEqual(['ann']);
  });

  it('have all ended when the transaction does', async () => {
    const asked: string[] = [];
    db.on('query', ({ sql }: { sql: string }) => asked.push(sql));
    await expect(transact(db, (tx) => together(add(tx, 'ann'), add(tx, 'bob', 'cid')))).rejects.toThrow();
    expect(asked.at(-1)).toMatch(/^ROLLBACK/);
    expect(await people()).toEqual(['ann']);
  });

  it('are there at the end of the transaction, where nobody waited for them', async () => {
    await transact(db, async (tx) => {
      await send(tx, adding('bob'));
      await send(tx, adding('cid', 'dan'));
    });
    expect(await people()).toEqual(['ann', 'bob', 'cid', 'dan']);
  });

  it('fail with what went wrong, where nobody waited for it, and all is undone', async () => {
    const twice = transact(db, async (tx) => {
      await add(tx, 'bob');
      await send(tx, adding('ann'));
      await add(tx, 'cid');
    });
    await expect(twice).rejects.toThrow(/unique|duplicate/i);
    expect(await people()).toEqual(['ann']);
  });

  it('are there where nothing was asked before them', async () => {
    await transact(db, (tx) => send(tx, adding('bob')));
    await transact(db, (tx) => together(send(tx, adding('cid')), false));
    expect(await people()).toEqual(['ann', 'bob', 'cid']);
  });

  it('undo all where one of them cannot even be asked', async () => {
    const impossible = {
      build: () => {
        throw new TypeError('no statement');
      },
      given: {},
    };
    const half = transact(db, async (tx) => {
      await send(tx, adding('bob'));
      await send(tx, [impossible]);
    });
    await expect(half).rejects.toThrow('no statement');
    expect(await people()).toEqual(['ann']);
  });

  it('fail where the commit was sent along with them, and all is undone', async () => {
    const twice = transact(db, async (tx) => {
      await send(tx, adding('bob'));
      await send(tx, adding('ann'));
      return 'done';
    });
    await expect(twice).rejects.toThrow(/unique|duplicate/i);
    expect(await people()).toEqual(['ann']);
    expect(await transact(db, (tx) => add(tx, 'cid'))).toBe(1);
  });
});
