/**
 * What the most expensive allowed filters cost another tenant: its POSTs, without and with 150 such filters under
 * way.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { type Dialect, openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import { person } from '../test/bridge.ts';
import { ms, percentile, type Row, ratio, timed } from './figures.ts';
import { fill } from './fill.ts';
import { type RealProcess, startProcess } from './process.ts';

const FILTERS_AT_ONCE = 150;
const COMPARISONS_MAX = 32;
const MEASURED_MS = 15_000;
const RATIO_MAX = 5;

/** Each looks into every e-mail of every user and finds nothing. */
function dearest(n: number): string {
  const each = (k: number) => `emails[value co "n${n}x${k}" and type co "w"]`;
  return Array.from({ length: COMPARISONS_MAX / 2 }, (_, k) => each(k)).join(' or ');
}

export async function filters(dialect: Dialect, users: number): Promise<readonly Row[]> {
  const bridge = await startProcess(dialect);
  try {
    const db = openDatabase(parseDatabaseUrl(bridge.databaseUrl));
    const connection = await db('connections').first('id');
    await fill({ db, count: users, prefix: 'p' }).finally(() => db.destroy());
    const tokens = `/environments/default/connections/${connection.id}/scim-configuration/tokens`;
    const { token = '' } = await bridge.admin('POST', tokens, {});
    const other = await bridge.tenant('other');
    const quiet = await posts(bridge, other.token, 'quiet');
    const flood = flooding(bridge, token);
    await pause(1_000);
    const busy = await posts(bridge, other.token, 'busy').finally(() => flood.end());
    const answered = flood.told();
    const [before, with150] = [percentile(quiet.times, 99), percentile(busy.times, 99)];
    return [
      {
        what: `${dialect}, ${users} users: p99 of POST /Users of another, without → with (${answered})`,
        figure: `${ms(before)} → ${ms(with150)}, ${ratio(with150, before)}`,
        goal: `at most ${RATIO_MAX}x`,
      },
      {
        what: '   of POSTs that were made, and refused with 429, without → with',
        figure: `${quiet.times.length}, ${quiet.refused} → ${busy.times.length}, ${busy.refused}`,
      },
      { what: '   peak of the process', figure: `${bridge.peakMib().toFixed(0)} MiB`, goal: '< 512 MiB' },
    ];
  } finally {
    await bridge.stop();
  }
}

interface Posts {
  readonly times: readonly number[];
  readonly refused: number;
}

async function posts({ url }: RealProcess, token: string, prefix: string): Promise<Posts> {
  const times: number[] = [];
  let refused = 0;
  const until = performance.now() + MEASURED_MS;
  for (let n = 0; performance.now() < until; n += 1) {
    times.push(
      await timed(async () => {
        const answer = await fetch(`${url}/scim/v2/Users`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
          body: JSON.stringify(person(`${prefix}${n}`)),
        });
        await answer.arrayBuffer();
        if (answer.status === 429) refused += 1;
        else if (answer.status !== 201) throw new Error(`a POST was answered ${answer.status}`);
      }),
    );
  }
  return { times, refused };
}

/** Keeps this many requests under way, each sent again as soon as it is answered. */
function flooding({ url }: RealProcess, token: string) {
  const answered: Record<string, number> = {};
  let isOver = false;
  const ask = async (n: number) => {
    while (!isOver) {
      const filter = encodeURIComponent(dearest(n));
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${url}/scim/v2/Users?filter=${filter}`, { headers }).catch(() => null);
      await answer?.arrayBuffer();
      const word = answer ? String(answer.status) : 'cut off';
      answered[word] = (answered[word] ?? 0) + 1;
    }
  };
  const asking = Array.from({ length: FILTERS_AT_ONCE }, (_, n) => ask(n));
  return {
    async end(): Promise<void> {
      isOver = true;
      await Promise.all(asking);
    },
    told: () =>
      Object.entries(answered)
        .map(([status, count]) => `${count} × ${status}`)
        .join(', '),
  };
}
