/** A source is asked about so many at most, however many are missing from a list or come back in one. */

import type { CallContext } from '../../../src/connectors/connector.ts';
import type { PullRun } from '../../../src/db/pull/runs.ts';
import { ghostsAmong, judgeAbsent } from '../../../src/pull/absent.ts';
import type { Lookup } from '../../../src/sources/source.ts';

const context = { signal: new AbortController().signal } as CallContext;
const ASKED_MAX = 2_000;
const people = Array.from({ length: ASKED_MAX + 500 }, (_, n) => `p${n}`);

function countedSource(answer: Lookup) {
  const source = {
    asked: 0,
    lookup: async () => {
      source.asked += 1;
      return answer;
    },
  };
  return source;
}

it('asks about the first of many who were deleted and come back, and leaves the rest to the next run', async () => {
  const source = countedSource({ is: 'found', inScope: true });
  const page = await ghostsAmong('user', people.slice(0, 100), source, context, 0);
  expect([page.ghosts.size, page.unknown.size, source.asked]).toEqual([0, 0, 100]);
  const rest = await ghostsAmong('user', people.slice(100), source, context, 100);
  expect([rest.ghosts.size, rest.unknown.size, source.asked]).toEqual([0, 500, ASKED_MAX]);
  expect(rest.unknown.has(people.at(-1) ?? '')).toBe(true);
  expect((await ghostsAmong('user', ['late'], source, context, people.length)).unknown).toEqual(
    new Set(['late']),
  );
});

it('calls nobody an old list alone about whom the source does not answer', async () => {
  const source = countedSource({ is: 'unknown', reason: 'no answer' });
  const { ghosts, unknown } = await ghostsAmong('user', ['p1'], source, context);
  expect([[...ghosts], [...unknown]]).toEqual([[], ['p1']]);
});

it('asks about the first of many who are missing, and calls the rest unknown', async () => {
  const source = countedSource({ is: 'gone' });
  const run = { findings: { ended: true, unread: [], skipped: [] }, takesFiltered: false };
  const judged = await judgeAbsent(run as unknown as PullRun, 'user', people, source, context);
  expect(source.asked).toBe(ASKED_MAX);
  expect(judged.filter(({ meaning }) => meaning === 'unknown')).toHaveLength(500);
});
