/** Pages deep down a list: what is remembered of it changes what a page costs, never what it holds. */

import type { Knex } from 'knex';
import { createListMemory } from '../../../src/db/lists/memory.ts';
import { listUsers } from '../../../src/db/lists/users.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, addCrowd, CONNECTION, openDirectory } from './people.ts';

const CROWD = 2_600;
const LIMIT = 100;

onEachDatabase((open) => {
  let db: Knex;
  let inOrder: readonly string[];

  const idsAt = async (offset: number, memory = createListMemory(systemClock)) => {
    const page = { connectionId: CONNECTION, filter: null, sort: null, offset, limit: LIMIT, memory };
    const { total, items } = await listUsers(db, page);
    expect(total).toBe(inOrder.length);
    return items.map(({ id }) => id);
  };
  const rowsRead = async (work: () => Promise<unknown>) => {
    const offsets: number[] = [];
    const record = ({ sql, bindings }: { sql: string; bindings: readonly unknown[] }) => {
      const at = sql.split(/\?|\$\d+/).findIndex((part) => part.endsWith('offset '));
      if (at >= 0) offsets.push(Number(bindings[at]));
    };
    db.on('query', record);
    await work();
    db.removeListener('query', record);
    return Math.max(0, ...offsets);
  };

  beforeAll(async () => {
    db = await openDirectory(open);
    const { users } = await addCrowd(db, CROWD);
    inOrder = users.toSorted();
    await db('users').whereNot({ created_at: AT }).update({ created_at: AT });
  });

  it.each([0, 950, 1_000, 1_250, 1_400, 2_000, 2_499, 2_500, 2_550, 2_600, 9_999])(
    'at %i, cold: exactly what is there',
    async (offset) => {
      expect(await idsAt(offset)).toEqual(inOrder.slice(offset, offset + LIMIT));
    },
  );

  it('reads on from the page before, and from the end, without going through what lies between', async () => {
    const memory = createListMemory(systemClock);
    expect(await rowsRead(() => idsAt(2_500, memory))).toBe(0);
    await idsAt(1_100, memory);
    expect(await rowsRead(() => idsAt(1_200, memory))).toBe(0);
    expect(await idsAt(1_300, memory)).toEqual(inOrder.slice(1_300, 1_400));
  });

  it('misses nobody whose predecessors go while a client reads on', async () => {
    const memory = createListMemory(systemClock);
    const read = [...(await idsAt(1_000, memory))];
    const gone = inOrder.slice(10, 20);
    await db('users').whereIn('id', gone).update({ deleted_at: AT });
    inOrder = inOrder.filter((id) => !gone.includes(id));
    for (let offset = 1_000 + LIMIT; ; offset += LIMIT) {
      const page = await idsAt(offset, memory);
      if (page.length === 0) break;
      read.push(...page);
    }
    expect(read).toEqual(inOrder.slice(1_000 - gone.length));
  });
});

describe('the length of a long list', () => {
  const LONG = 10_001;
  let now = 1_000_000;
  const clock = { ...systemClock, now: () => now };

  it('is counted again after a write, and after two seconds', async () => {
    const memory = createListMemory(clock);
    let counted = 0;
    const total = (n = LONG) =>
      memory.total('list', 'connection', async () => {
        counted += 1;
        return n;
      });
    expect([await total(), await total(LONG + 1), counted]).toEqual([LONG, LONG, 1]);
    memory.written('other');
    expect([await total(), counted]).toEqual([LONG, 1]);
    memory.written('connection');
    expect([await total(LONG + 2), counted]).toEqual([LONG + 2, 2]);
    now += 2_000;
    expect([await total(), counted]).toEqual([LONG, 3]);
  });

  it('is not kept where a write came while it was counted, nor of a short list', async () => {
    const memory = createListMemory(clock);
    await memory.total('list', 'connection', async () => {
      memory.written('connection');
      return LONG;
    });
    expect(await memory.total('list', 'connection', async () => 3)).toBe(3);
    expect(await memory.total('list', 'connection', async () => 4)).toBe(4);
  });
});
