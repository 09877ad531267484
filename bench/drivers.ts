/** Sends the same requests to two real processes that use different SQLite drivers. */

import { person } from '../test/bridge.ts';
import { type Row, ratio } from './figures.ts';
import { type ProcessSide, sideOf, startProcess } from './process.ts';
import { type Ask, inTurns } from './rounds.ts';

const DRIVERS = ['sqlite3', 'node'] as const;
const ROUNDS = 12;
const CONCURRENCY = 8;

const REQUESTS_OF: Readonly<Record<string, Ask<ProcessSide>>> = {
  'POST /Users': (send, side, n) => send(side, 'POST', '/Users', person(n)),
  'PATCH of a title': (send, side, n) =>
    send(side, 'PATCH', `/Users/${side.userId}`, {
      Operations: [{ op: 'replace', path: 'title', value: n }],
    }),
  'GET of a user': (send, side) => send(side, 'GET', `/Users/${side.userId}`),
  'userName eq': (send, side) =>
    send(side, 'GET', `/Users?filter=${encodeURIComponent('userName eq "shared@acme.example"')}`),
  'a page of 20': (send, side) => send(side, 'GET', '/Users?count=20'),
};

export async function drivers(): Promise<readonly Row[]> {
  const sides: ProcessSide[] = [];
  try {
    for (const driver of DRIVERS)
      sides.push(await sideOf(await startProcess('sqlite', {}, driver), 'shared'));
    const rows: Row[] = [];
    for (const [what, ask] of Object.entries(REQUESTS_OF)) rows.push(...(await compared(what, sides, ask)));
    return rows;
  } finally {
    for (const side of sides) await side.stop();
  }
}

async function compared(
  what: string,
  sides: readonly ProcessSide[],
  ask: Ask<ProcessSide>,
): Promise<readonly Row[]> {
  const measured = await inTurns(sides, { what, ask, rounds: ROUNDS, atOnce: CONCURRENCY });
  const [before = NaN, after = NaN] = measured.map(({ perSecond }) => perSecond);
  const [cpuBefore = NaN, cpuAfter = NaN] = measured.map(({ cpuMs }) => cpuMs);
  return [
    {
      what: `${what}, a second, ${CONCURRENCY} at once: ${DRIVERS.join(' → ')}`,
      figure: `${before.toFixed(0)} → ${after.toFixed(0)} (${ratio(after, before)})`,
    },
    {
      what: '   processor time of the bridge for each',
      figure: `${cpuBefore.toFixed(2)} → ${cpuAfter.toFixed(2)} ms`,
    },
  ];
}
