/** Reads whose time should not grow: pages of a list, filters of the audit log, and a large group. */

import type { Knex } from 'knex';
import type { Dialect } from '../src/db/open.ts';
import { onStage, type Sizes, type Stage } from './bench.ts';
import { median, ms, type Row, ratio, timesOf } from './figures.ts';
import { fill } from './fill.ts';

const REPEATS = 5;
const PAGE = 100;
const FEW = 1_000;
const EVENTS_PER_INSERT = 50_000;
/** The wanted events are this many events apart. */
const RARE_EVERY = 20_000;

type Reads = Readonly<Record<string, (stage: Stage) => Promise<unknown>>>;

export async function reads(
  { users, events, groupMembers }: Sizes,
  dialect: Dialect,
): Promise<readonly Row[]> {
  const few = await mediansAt(dialect, FEW, FEW, FEW);
  const many = await mediansAt(dialect, users, events, groupMembers);
  return [...many.keys()].map((what) => {
    const [small, large] = [few.get(what) ?? Number.NaN, many.get(what) ?? Number.NaN];
    return { what: `${dialect}: ${what}`, figure: `${ms(small)} → ${ms(large)} (${ratio(large, small)})` };
  });
}

function mediansAt(
  dialect: Dialect,
  users: number,
  events: number,
  groupMembers: number,
): Promise<ReadonlyMap<string, number>> {
  return onStage(
    false,
    async (stage) => {
      const { db } = stage.bridge;
      const { body } = await stage.bridge.scim('POST', '/Groups', { displayName: 'all' });
      const count = Math.min(users, groupMembers);
      await fill({ db, count, prefix: 'm', group: { id: body.id, remoteId: 'r' } });
      if (users > count) await fill({ db, count: users - count, prefix: 'p' });
      await fillEvents(db, dialect, events);
      if (dialect === 'postgres') await db.raw('vacuum analyze');
      const medians = new Map<string, number>();
      for (const [what, read] of Object.entries(readsOf(users, body.id)))
        medians.set(what, median(await timesOf(REPEATS, () => read(stage))));
      return medians;
    },
    dialect,
  );
}

function readsOf(users: number, groupId: string): Reads {
  const list = (query: string) => async (stage: Stage) => {
    const { status, body } = await stage.bridge.scim('GET', `/Users?count=${PAGE}&${query}`);
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body;
  };
  const log = (query: string) => async (stage: Stage) => {
    const { status, body } = await stage.bridge.admin('GET', `/events?limit=50&${query}`);
    if (status !== 200) throw new Error(JSON.stringify(body));
  };
  return {
    'first page': list('startIndex=1'),
    'last page': list(`startIndex=${users - PAGE + 1}`),
    'a page by cursor, from the first on': async (stage) => {
      const { nextCursor } = await list('cursor=')(stage);
      await list(`cursor=${nextCursor}`)(stage);
    },
    'userName sw': list(`filter=${encodeURIComponent('userName sw "m77"')}`),
    'events, a rare outcome': log('outcome=failure'),
    'events, a rare kind': log('kind=store.noSeats'),
    'events, one subject': log('subjectId=subject'),
    'events, all': log(''),
    'the group with all its members': (stage) => stage.bridge.scim('GET', `/Groups/${groupId}`),
  };
}

async function fillEvents(db: Knex, dialect: Dialect, count: number): Promise<void> {
  const numbers =
    dialect === 'postgres'
      ? '(select generate_series(?::int, ?::int) as n) as numbers'
      : '(with recursive numbers(n) as (select ? union all select n + 1 from numbers where n < ?) select n from numbers) as numbers';
  for (let from = 1; from <= count; from += EVENTS_PER_INSERT) {
    const rare = `n % ${RARE_EVERY} = 7`;
    await db.raw(
      `insert into events (environment_id, at, correlation_id, kind, actor_type, actor_id, subject_kind, subject_id, outcome)
       select 'default', '2026-01-01T00:00:00.000Z', 'cause ' || n,
         case when ${rare} then 'store.noSeats' else 'user.updated' end, 'connection', 'c', 'user',
         case when ${rare} then 'subject' else 'person ' || (n % 100000) end,
         case when ${rare} then 'failure' else 'success' end
       from ${numbers}`,
      [from, Math.min(count, from + EVENTS_PER_INSERT - 1)],
    );
  }
  await db.raw('analyze');
}
