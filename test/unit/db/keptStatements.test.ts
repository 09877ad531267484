/** A statement that is compiled once says what its builder would say each time. */

import { kept } from '../../../src/db/knex/kept.ts';
import { type Db, dialectOf } from '../../../src/db/open.ts';
import { DRIVER, onEachDatabase } from '../../database.ts';
import { withStore } from './store.ts';

interface Note {
  readonly id: number;
  readonly text: string | null;
  readonly place?: number | null;
}

async function withNotes(open: Parameters<typeof withStore>[0]): Promise<Db> {
  const db = await withStore(open);
  await db.schema.createTable('notes', (table) => {
    table.integer('id').primary();
    table.text('text');
    table.integer('place').defaultTo(7);
  });
  return db;
}

/** With the sqlite3 package, each call builds its statement. */
function compilesAnew(db: Db): boolean {
  return DRIVER === 'sqlite3' && dialectOf(db) === 'sqlite';
}

onEachDatabase((open) => {
  it('is compiled once for each form of what is given, and asks with the values of each call', async () => {
    const db = await withNotes(open);
    let built = 0;
    const find = kept<readonly Note[], { readonly text: string | null; readonly ids: readonly number[] }>(
      (on, { text, ids }) => {
        built += 1;
        return on('notes').where({ text }).whereIn('id', ids).orderBy('id').select('id', 'text');
      },
    );
    const one = { id: 1, text: 'one' };
    const none = { id: 2, text: null };
    await db('notes').insert([one, none, { id: 3, text: 'one' }]);
    expect(await find(db, { text: 'one', ids: [1, 2] })).toEqual([one]);
    expect(await find(db, { text: 'one', ids: [2, 3] })).toEqual([{ id: 3, text: 'one' }]);
    expect(await find(db, { text: 'other', ids: [1, 2] })).toEqual([]);
    expect(built).toBe(compilesAnew(db) ? 3 : 1);
    expect(await find(db, { text: null, ids: [1, 2] })).toEqual([none]);
    expect(await find(db, { text: 'one', ids: [1] })).toEqual([one]);
    expect(await find(db, { text: 'one', ids: [] })).toEqual([]);
    expect(built).toBe(compilesAnew(db) ? 6 : 4);
  });

  it('writes what is given, leaves out what is not, and answers as the builder does', async () => {
    const db = await withNotes(open);
    const insert = kept<readonly [{ readonly id: number }], { readonly note: Note }>((on, { note }) =>
      on('notes').insert(note).returning('id'),
    );
    const change = kept<number, Pick<Note, 'id'> & { readonly changed: Partial<Note> }>(
      (on, { id, changed }) => on('notes').where({ id }).update(changed),
    );
    const forget = kept<number, Pick<Note, 'id'>>((on, { id }) => on('notes').where({ id }).delete());
    const first = kept<Note | undefined, Pick<Note, 'id'>>((on, { id }) => on('notes').where({ id }).first());
    expect(await insert(db, { note: { id: 1, text: 'one', place: null } })).toEqual([{ id: 1 }]);
    expect(await insert(db, { note: { id: 2, text: null, place: 0 } })).toEqual([{ id: 2 }]);
    expect(await change(db, { id: 1, changed: { text: 'two' } })).toBe(1);
    expect(await change(db, { id: 9, changed: { text: 'two' } })).toBe(0);
    expect(await change(db, { id: 2, changed: { text: undefined as never, place: 3 } })).toBe(1);
    expect(await first(db, { id: 1 })).toEqual({ id: 1, text: 'two', place: null });
    expect(await first(db, { id: 2 })).toEqual({ id: 2, text: null, place: 3 });
    expect(await first(db, { id: 9 })).toBeUndefined();
    expect(await forget(db, { id: 1 })).toBe(1);
    expect(await db('notes').pluck('id')).toEqual([2]);
  });

  it('runs in the transaction that it is given', async () => {
    const db = await withNotes(open);
    const insert = kept<unknown, { readonly note: Note }>((on, { note }) => on('notes').insert(note));
    const failing = db.transaction(async (tx) => {
      await insert(tx, { note: { id: 1, text: 'one' } });
      expect(await tx('notes').pluck('id')).toEqual([1]);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await db('notes')).toEqual([]);
  });

  it('has another text for each of what is fixed', async () => {
    const db = await withNotes(open);
    const some = kept<readonly Pick<Note, 'id'>[], object, { readonly limit: number }>((on, _, { limit }) =>
      on('notes').orderBy('id').limit(limit).select('id'),
    );
    await db('notes').insert([1, 2, 3].map((id) => ({ id, text: null })));
    expect(await some(db, {}, { limit: 1 })).toHaveLength(1);
    expect(await some(db, {}, { limit: 2 })).toHaveLength(2);
  });

  it('fails where its text would keep a value', async () => {
    const db = await withNotes(open);
    const find = kept<unknown, { readonly text: string }>((on, { text }) =>
      on('notes').where({ text: `${text}!` }),
    );
    if (compilesAnew(db)) return;
    await expect(find(db, { text: 'one' })).rejects.toThrow('may only hand its values on');
  });
});
