/** What a flood without a valid token costs an identity provider, compared with the same flood on `/healthz`. */

import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Dialect } from '../src/db/open.ts';
import { median, ms, type Row, ratio, timed } from './figures.ts';
import type { Flood, Flooded } from './flood.ts';
import { type RealProcess, startProcess, type Tenant } from './process.ts';

const CONNECTIONS = 200;
const MEASURED_MS = 3_000;
const SETTLE_MS = 1_000;
const RATIO_MAX = 1.5;

const FLOODS: Readonly<Record<string, Pick<Flood, 'path' | 'headers'>>> = {
  'wrong SCIM tokens': { path: '/scim/v2/Users', headers: { authorization: 'Bearer wrong-wrong-wrong' } },
  'wrong admin tokens': { path: '/v1/environments', headers: { authorization: 'Bearer wrong-wrong-wrong' } },
  'no token': { path: '/scim/v2/Users', headers: {} },
  '/metrics': { path: '/metrics', headers: {} },
  '/readyz': { path: '/readyz', headers: {} },
  '/v1/openapi.json': { path: '/v1/openapi.json', headers: {} },
  'a path that is not there': { path: '/nowhere', headers: {} },
};

export async function floods(dialect: Dialect): Promise<readonly Row[]> {
  const bridge = await startProcess(dialect);
  try {
    const tenant = await bridge.tenant('tenant');
    const alone = await patches(bridge, tenant);
    const baseline = await under(bridge, tenant, { path: '/healthz', headers: {} });
    const rows: Row[] = [
      { what: `${dialect}: a PATCH alone, median`, figure: ms(alone) },
      {
        what: `   beside ${CONNECTIONS} connections on /healthz (${baseline.told})`,
        figure: ms(baseline.ms),
      },
    ];
    for (const [what, flood] of Object.entries(FLOODS)) {
      const measured = await under(bridge, tenant, flood);
      rows.push({
        what: `   beside the same with ${what} (${measured.told})`,
        figure: `${ms(measured.ms)}, ${ratio(measured.ms, baseline.ms)}`,
        goal: `at most ${RATIO_MAX}x`,
      });
    }
    return rows;
  } finally {
    await bridge.stop();
  }
}

async function under(bridge: RealProcess, tenant: Tenant, flood: Pick<Flood, 'path' | 'headers'>) {
  const workerData: Flood = { port: Number(new URL(bridge.url).port), connections: CONNECTIONS, ...flood };
  const worker = new Worker(join(import.meta.dirname, 'flood.ts'), { workerData });
  await pause(SETTLE_MS);
  const measured = await patches(bridge, tenant);
  worker.postMessage('end');
  const [answered] = (await once(worker, 'message')) as [Flooded];
  await worker.terminate();
  await pause(SETTLE_MS);
  const told = Object.entries(answered).map(([status, count]) => `${count} × ${status}`);
  return { ms: measured, told: told.join(', ') };
}

/** The median time of PATCHes sent one after another. */
async function patches({ url }: RealProcess, { token, userId }: Tenant): Promise<number> {
  const times: number[] = [];
  const until = performance.now() + MEASURED_MS;
  for (let n = 0; performance.now() < until; n += 1) {
    const body = { Operations: [{ op: 'replace', path: 'title', value: `title ${n}` }] };
    times.push(
      await timed(async () => {
        const answer = await fetch(`${url}/scim/v2/Users/${userId}`, {
          method: 'PATCH',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
          body: JSON.stringify(body),
        });
        await answer.arrayBuffer();
      }),
    );
  }
  return median(times);
}
