/**
 * Requests to the whole endpoint, compared with a bare Express and Knex handler that writes the same. Each is a real
 * process.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dialect, parseDatabaseUrl } from '../src/db/open.ts';
import { person } from '../test/bridge.ts';
import { embeddedUrl, freshDatabaseUrl } from '../test/database.ts';
import { onBoth } from './bench.ts';
import { median, type Row } from './figures.ts';
import { cpuMsOf, type ProcessSide, sideOf, startProcess } from './process.ts';
import { type Ask, inTurns } from './rounds.ts';

const ROUNDS = 10;
const CONCURRENCY = 16;
const GOALS = {
  'POST /Users': { sqlite: 0.8, postgres: 0.6 },
  'PATCH of active': { sqlite: 0.8, postgres: 0.5 },
  'userName eq': { sqlite: 0.5, postgres: 0.5 },
} as const;

const REQUESTS_OF: Readonly<Record<keyof typeof GOALS, Ask<ProcessSide>>> = {
  'POST /Users': (send, side, n) => send(side, 'POST', '/Users', person(n)),
  'PATCH of active': (send, side, n) =>
    send(side, 'PATCH', `/Users/${side.userId}`, {
      Operations: [{ op: 'replace', path: 'active', value: Number(n.at(-1)) % 2 === 0 }],
    }),
  'userName eq': (send, side) =>
    send(side, 'GET', `/Users?filter=${encodeURIComponent('userName eq "shared@acme.example"')}`),
};

export async function throughput(): Promise<readonly Row[]> {
  return onBoth(on);
}

async function on(dialect: Dialect): Promise<readonly Row[]> {
  const sides: ProcessSide[] = [];
  try {
    sides.push(await sideOf(await startProcess(dialect), 'shared'), await startBare(dialect));
    const rows: Row[] = [];
    for (const [what, goals] of Object.entries(GOALS)) {
      const ask = REQUESTS_OF[what as keyof typeof GOALS];
      const [ours, bare] = await inTurns(sides, { what, ask, rounds: ROUNDS, atOnce: CONCURRENCY });
      const ratios = ours?.each.map(({ perSecond }, n) => perSecond / (bare?.each[n]?.perSecond ?? NaN));
      rows.push({
        what: `${dialect}: ${what}, a second, ${CONCURRENCY} at once: bare → the whole endpoint`,
        figure: `${bare?.perSecond.toFixed(0)} → ${ours?.perSecond.toFixed(0)}, ${median(ratios ?? []).toFixed(2)}x`,
        goal: `>= ${goals[dialect]}x`,
      });
    }
    return rows;
  } finally {
    for (const side of sides) await side.stop();
  }
}

/** Uses the `sqlite3` package, or PostgreSQL. */
async function startBare(dialect: Dialect): Promise<ProcessSide> {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-bench-'));
  const fresh = await freshDatabaseUrl(dialect, directory);
  const databaseUrl = dialect === 'sqlite' ? embeddedUrl(parseDatabaseUrl(fresh).target, 'sqlite3') : fresh;
  const child = fork(join(import.meta.dirname, 'bare.ts'), [databaseUrl, 'shared@acme.example']);
  const [{ url, userId }] = (await once(child, 'message')) as [{ url: string; userId: string }];
  return {
    ...{ url, userId, token: 'none' },
    cpuMs: () => cpuMsOf(child.pid),
    async stop() {
      child.kill();
      await once(child, 'exit');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
