/** A scan that is read range by range finds what it finds at once, and lets everybody else go first. */

import type { Knex } from 'knex';
import { listUsersOfEnvironment } from '../../../src/db/identity/users.ts';
import { createListMemory } from '../../../src/db/lists/memory.ts';
import type { Pace } from '../../../src/db/lists/ranges.ts';
import {
  countOfEnvironment,
  type PageByPosition,
  type SqlCondition,
} from '../../../src/db/lists/resources.ts';
import { searchTogether } from '../../../src/db/lists/search.ts';
import { listUsers } from '../../../src/db/lists/users.ts';
import { createPacing } from '../../../src/directory/query/pace.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, addCrowd, CONNECTION, openDirectory } from './people.ts';

const CROWD = 23;

const ENDING_IN: Readonly<Record<string, SqlCondition | null>> = {
  'any letter': { sql: `users.user_name_lower like ?`, bindings: ['%'] },
  'a digit of two': {
    sql: `users.user_name_lower like ? or users.user_name_lower like ?`,
    bindings: ['%3@%', '%7@%'],
  },
  nothing: { sql: `users.user_name_lower like ?`, bindings: ['%nobody%'] },
};

onEachDatabase((open) => {
  let db: Knex;

  function ofRows(rows: number): Pace & { ranges: number } {
    const pace = {
      ranges: 0,
      range: <T>(read: (from: Knex, rows: number) => Promise<T>) => {
        pace.ranges += 1;
        return read(db, rows);
      },
    };
    return pace;
  }

  beforeAll(async () => {
    db = await openDirectory(open);
    const { users } = await addCrowd(db, CROWD);
    // Some were made in the same moment, some are gone.
    for (const [n, id] of users.entries())
      await db('users')
        .where({ id })
        .update({ created_at: `2026-01-01T00:00:0${n % 4}.000Z` });
    await db('users').where({ id: users[5] }).update({ deleted_at: AT });
  });

  const shown = async (page: PageByPosition) => {
    const { total, items } = await listUsers(db, page);
    return { total, ids: items.map(({ id }) => id) };
  };

  it.each(Object.keys(ENDING_IN))(
    'finds who has %s, at any position, whatever the length of a range',
    async (what) => {
      const filter = ENDING_IN[what] ?? null;
      for (const [offset, limit] of [
        [0, 5],
        [0, 0],
        [4, 3],
        [3, 100],
        [21, 5],
        [50, 5],
      ] as const) {
        const page = { connectionId: CONNECTION, filter, sort: null, offset, limit };
        const atOnce = await shown(page);
        for (const rows of [1, 2, 7, 22, 100])
          expect({ offset, limit, rows, ...(await shown({ ...page, pace: ofRows(rows) })) }).toEqual({
            ...{ offset, limit, rows },
            ...atOnce,
          });
      }
    },
  );

  it('goes on behind a resource, and behind a place that is remembered', async () => {
    const page = { connectionId: CONNECTION, filter: ENDING_IN['any letter'] ?? null, sort: null, limit: 4 };
    const { items } = await listUsers(db, { ...page, offset: 0 });
    const after = items.at(-1) ?? null;
    const next = await shown({ ...page, offset: 4 });
    expect(await shown({ ...page, offset: 4, after, pace: ofRows(3) })).toEqual(next);
    const memory = {
      ...createListMemory(systemClock),
      placeBefore: () => after && { position: 4, after },
    };
    expect(await shown({ ...page, offset: 4, memory, pace: ofRows(3) })).toEqual(next);
    expect(await shown({ ...page, offset: 6, memory, pace: ofRows(3) })).toEqual(
      await shown({ ...page, offset: 6 }),
    );
  });

  it('sorts as it does at once', async () => {
    const sort = { sql: 'users.user_name_lower desc', bindings: [] };
    const page = {
      connectionId: CONNECTION,
      filter: ENDING_IN['a digit of two'] ?? null,
      sort,
      offset: 1,
      limit: 3,
    };
    expect(await shown({ ...page, pace: ofRows(2) })).toEqual(await shown(page));
  });

  it('reads an environment by key, and searches users and groups together', async () => {
    const filter = ENDING_IN['any letter'] ?? null;
    const first = { environmentId: 'environment', filter, after: null, limit: 6 };
    const atOnce = await listUsersOfEnvironment(db, first);
    expect(await listUsersOfEnvironment(db, { ...first, pace: ofRows(4) })).toEqual(atOnce);
    const second = { ...first, after: atOnce.at(-1) ?? null };
    expect(await listUsersOfEnvironment(db, { ...second, pace: ofRows(4) })).toEqual(
      await listUsersOfEnvironment(db, second),
    );
    expect(await countOfEnvironment(db, 'users', { ...first, pace: ofRows(4) })).toBe(CROWD - 1);
    const kinds = [
      { kind: 'user', filter, sortKey: null },
      { kind: 'group', filter: null, sortKey: null },
    ] as const;
    const page = { connectionId: CONNECTION, kinds, descending: false, offset: 3, limit: 30 };
    expect(await searchTogether(db, { ...page, pace: ofRows(5) })).toEqual(await searchTogether(db, page));
  });

  it('reads no range behind the page but to count', async () => {
    const pace = ofRows(2);
    const page = {
      connectionId: CONNECTION,
      filter: ENDING_IN['any letter'] ?? null,
      sort: null,
      offset: 0,
      limit: 4,
    };
    const memory = { ...createListMemory(systemClock), total: async () => 22 };
    await shown({ ...page, memory, pace });
    expect(pace.ranges).toBe(2);
  });
});

onEachDatabase((open) => {
  const SOME_TIME_MS = 60_000;
  let db: Knex;
  beforeAll(async () => {
    db = await open();
  });

  const SCANS = 4;

  /** Each scan reads one range, by `read`. */
  function scanned(pacing: ReturnType<typeof createPacing>, read: () => Promise<void>): Promise<unknown> {
    const one = () => pacing.until(systemClock.now() + SOME_TIME_MS).range(read);
    return Promise.all(Array.from({ length: SCANS }, one));
  }

  /** Ends only where all of them are read at once. */
  function sideBySide(pacing: ReturnType<typeof createPacing>): Promise<unknown> {
    let underWay = 0;
    let allBegun = () => {};
    const begun = new Promise<void>((resolve) => {
      allBegun = resolve;
    });
    return scanned(pacing, () => {
      underWay += 1;
      if (underWay === SCANS) allBegun();
      return begun;
    });
  }

  it('scans go side by side while nothing else is in hand, and one range at a time while something is', async () => {
    const pacing = createPacing(db, systemClock);
    await sideBySide(pacing);
    let end = () => {};
    const request = pacing.giveWayTo(
      () =>
        new Promise<void>((done) => {
          end = done;
        }),
    );
    let underWay = 0;
    await scanned(pacing, async () => {
      underWay += 1;
      expect(underWay).toBe(1);
      await systemClock.sleep(5);
      underWay -= 1;
    });
    end();
    await request;
    await systemClock.sleep(100);
    await sideBySide(pacing);
  });

  it('a scan whose turn does not come in time is refused then, and keeps nobody after it waiting', async () => {
    const pacing = createPacing(db, systemClock);
    let end = () => {};
    const first = new Promise<void>((done) => {
      end = done;
    });
    await pacing.giveWayTo(async () => {
      const reading = pacing.until(systemClock.now() + SOME_TIME_MS).range(() => first);
      const late = pacing.until(systemClock.now() + 50).range(async () => {});
      await expect(late).rejects.toMatchObject({ name: 'ReadTooLong' });
      end();
      await reading;
      expect(await pacing.until(systemClock.now() + SOME_TIME_MS).range(async () => 'next')).toBe('next');
    });
  });

  it('scans have ranges that take about the same time, and end when their time is over', async () => {
    let now = 0;
    const pacing = createPacing(db, { ...systemClock, now: () => now });
    const pace = pacing.until(1_000);
    const asked: number[] = [];
    for (let n = 0; n < 6; n += 1)
      await pace.range(async (_, rows) => {
        asked.push(rows);
        // 0.2 ms a row.
        await systemClock.sleep(rows / 5);
      });
    expect(asked[0]).toBe(200);
    expect(asked.at(-1)).toBeLessThanOrEqual(120);
    now = 1_001;
    await expect(pace.range(async () => {})).rejects.toMatchObject({ name: 'ReadTooLong' });
  });
});
