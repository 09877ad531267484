/** A transaction begins with its first statement, and is what it was before. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { openDatabase, parseDatabaseUrl } from '../../../../src/db/open.ts';
import { beginWithFirst } from '../../../../src/db/postgres/beginning.ts';
import type { Done } from '../../../../src/db/postgres/preparing.ts';
import { freshDatabaseUrl } from '../../../database.ts';

describe('what goes out', () => {
  /** Packets, each with the statements in it. */
  function session() {
    const packets: string[][] = [];
    let corked: string[] | null = null;
    const asked = {
      query(query: unknown, done: Done) {
        if (corked) corked.push(String(query));
        else packets.push([String(query)]);
        setImmediate(() => done(null, `answer to ${query}`));
      },
    };
    const socket = {
      cork() {
        corked ??= [];
      },
      uncork() {
        if (corked?.length) packets.push(corked);
        corked = null;
      },
    };
    beginWithFirst(asked, socket);
    const ask = (text: string) =>
      new Promise((resolve, reject) => {
        asked.query(text, (error, result) => (error ? reject(error) : resolve(result)));
      });
    return { packets, ask };
  }

  it('is the begin together with the first statement', async () => {
    const { packets, ask } = session();
    for (const text of ['BEGIN;', 'one', 'two', 'COMMIT;', 'three']) await ask(text);
    expect(packets).toEqual([['BEGIN;', 'one'], ['two'], ['COMMIT;'], ['three']]);
  });

  it('is all together that nobody waits for', async () => {
    const { packets, ask } = session();
    await ask('BEGIN;');
    await Promise.all(['one', 'two', 'COMMIT;'].map(ask));
    await ask('three');
    expect(packets).toEqual([['BEGIN;', 'one', 'two', 'COMMIT;'], ['three']]);
  });

  it.each(['COMMIT;', 'ROLLBACK'])('is nothing where nothing was asked before %s', async (end) => {
    const { packets, ask } = session();
    await ask('BEGIN;');
    await ask(end);
    expect(await ask('one')).toBe('answer to one');
    expect(packets).toEqual([['one']]);
  });
});

describe('on a real server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-beginning-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  let db: Knex;
  beforeEach(async () => {
    db = openDatabase(parseDatabaseUrl(await freshDatabaseUrl('postgres', directory)));
    await db.schema.createTable('people', (table) => table.text('id').primary());
  });
  afterEach(() => db.destroy());
  const people = () => db('people').orderBy('id').pluck('id');

  it('commits all, or nothing after an error of the first statement or a later one', async () => {
    await db.transaction(async (tx) => {
      await tx('people').insert({ id: 'ann' });
      await tx('people').insert({ id: 'bob' });
    });
    const again = (ids: string[]) =>
      db.transaction(async (tx) => {
        for (const id of ids) await tx('people').insert({ id });
      });
    await expect(again(['ann', 'cid'])).rejects.toMatchObject({ code: '23505' });
    await expect(again(['cid', 'ann'])).rejects.toMatchObject({ code: '23505' });
    expect(await people()).toEqual(['ann', 'bob']);
  });

  it('keeps savepoints, levels of isolation, and transactions that ask nothing', async () => {
    await db.transaction(async () => {});
    await db.transaction(async (tx) => {
      const inner = tx.transaction(async (nested) => {
        await nested('people').insert({ id: 'ann' });
        throw new Error('not this one');
      });
      await expect(inner).rejects.toThrow('not this one');
      await tx('people').insert({ id: 'bob' });
    });
    const seen = await db.transaction(
      async (tx) => {
        await tx('people').count();
        await db('people').insert({ id: 'cid' });
        return tx('people').orderBy('id').pluck('id');
      },
      { isolationLevel: 'repeatable read' },
    );
    expect(seen).toEqual(['bob']);
    expect(await people()).toEqual(['bob', 'cid']);
  });

  it('says that it could not begin, and does nothing', async () => {
    const session = await db.client.acquireConnection();
    const ask = (text: string) => new Promise((done) => session.query(text, done));
    await ask('BEGIN;');
    await ask('select 1 / 0');
    await db.client.releaseConnection(session);
    const begun = db.transaction((tx) => tx('people').insert({ id: 'ann' }));
    await expect(begun).rejects.toMatchObject({ code: '25P02' });
    expect(await people()).toEqual([]);
  });

  it('fails where the session has ended meanwhile, and the next one is as good as ever', async () => {
    const ended = db.transaction(async (tx) => {
      await tx.raw('select pg_terminate_backend(pg_backend_pid())');
    });
    await expect(ended).rejects.toThrow();
    await db.transaction((tx) => tx('people').insert({ id: 'ann' }));
    expect(await people()).toEqual(['ann']);
  });

  it('fails where a statement had failed and nobody noticed', async () => {
    const undone = db.transaction(async (tx) => {
      await tx('people').insert({ id: 'ann' });
      await tx.raw('select 1 / 0').catch(() => {});
    });
    await expect(undone).rejects.toMatchObject({ code: '25P02' });
    expect(await people()).toEqual([]);
  });
});
