/** Finds a person by a few letters, and shows one, among a thousand people and among many, on both databases. */

import type { Dialect } from '../src/db/open.ts';
import { onStage, type Sizes } from './bench.ts';
import { median, ms, percentile, type Row, ratio, timesOf } from './figures.ts';
import { fill } from './fill.ts';

const SMALL = 1_000;
const ASKED = 60;

type Ask = (n: number, count: number, ids: readonly string[]) => string;

const REQUESTS: Readonly<Record<string, Ask>> = {
  'people?q= of a whole name': (n, count) => `/people?q=p${(n * 7919) % count}@`,
  'people?q= of two letters that everybody has': () => '/people?q=do',
  'people?q= of nobody': () => '/people?q=zzzz',
  'people/{id}': (n, count, ids) => `/people/${ids[(n * 7919) % count]}`,
};

export async function people({ people: among }: Sizes, dialect: Dialect): Promise<readonly Row[]> {
  const few = await timesAmong(SMALL, dialect);
  const many = await timesAmong(among, dialect);
  return Object.keys(REQUESTS).map((what) => {
    const [small, large] = [few.get(what) ?? [], many.get(what) ?? []];
    const times = `${ms(median(small))} → ${ms(median(large))} (${ratio(median(large), median(small))})`;
    return {
      what: `${dialect}: ${what}, median`,
      figure: `${times}, p95 ${ms(percentile(large, 95))}`,
      goal: '< 50 ms',
    };
  });
}

function timesAmong(count: number, dialect: Dialect): Promise<ReadonlyMap<string, readonly number[]>> {
  return onStage(
    true,
    async ({ bridge, stores }) => {
      const linked = { storeId: stores.gitlab, remoteIdOf: (n: number) => `${1_000 + n}` };
      const ids = await fill({ db: bridge.db, count, prefix: 'p', linked, findable: true });
      const times = new Map<string, readonly number[]>();
      for (const [what, of] of Object.entries(REQUESTS)) {
        const ask = async (n: number) => {
          const { status } = await bridge.admin('GET', of(n, count, ids));
          if (status !== 200) throw new Error(`${what} answered ${status}`);
        };
        await timesOf(ASKED, ask);
        times.set(what, await timesOf(ASKED, ask));
      }
      return times;
    },
    dialect,
  );
}
