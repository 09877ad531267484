/** The same requests to two real processes that differ in the driver of SQLite. They take turns, so that a busy machine is as unkind to both. */

import { Agent, request } from 'node:http';
import { person } from '../test/bridge.ts';
import { median, type Row, ratio, timed } from './figures.ts';
import { type RealProcess, startProcess, type Tenant } from './process.ts';

const DRIVERS = ['sqlite3', 'node'] as const;
const ROUNDS = 12;
const REQUESTS = 100;
const CONCURRENCY = 8;

interface Side {
  readonly bridge: RealProcess;
  readonly tenant: Tenant;
}

interface Measured {
  readonly perSecond: number;
  readonly cpuMs: number;
}

type Ask = (side: Side, n: string) => Promise<void>;

const REQUESTS_OF: Readonly<Record<string, Ask>> = {
  'POST /Users': ({ bridge, tenant }, n) => send(bridge, tenant, 'POST', '/Users', person(n)),
  'PATCH of a title': ({ bridge, tenant }, n) =>
    send(bridge, tenant, 'PATCH', `/Users/${tenant.userId}`, {
      Operations: [{ op: 'replace', path: 'title', value: n }],
    }),
  'GET of a user': ({ bridge, tenant }) => send(bridge, tenant, 'GET', `/Users/${tenant.userId}`),
  'userName eq': ({ bridge, tenant }) =>
    send(bridge, tenant, 'GET', `/Users?filter=${encodeURIComponent('userName eq "shared@acme.example"')}`),
  'a page of 20': ({ bridge, tenant }) => send(bridge, tenant, 'GET', '/Users?count=20'),
};

export async function drivers(): Promise<readonly Row[]> {
  const sides: Side[] = [];
  try {
    for (const driver of DRIVERS) {
      const bridge = await startProcess('sqlite', {}, driver);
      sides.push({ bridge, tenant: await bridge.tenant('shared') });
    }
    const rows: Row[] = [];
    for (const [what, ask] of Object.entries(REQUESTS_OF)) rows.push(...(await compared(what, sides, ask)));
    return rows;
  } finally {
    for (const { bridge } of sides) await bridge.stop();
  }
}

async function compared(what: string, sides: readonly Side[], ask: Ask): Promise<readonly Row[]> {
  const measured = sides.map((): Measured[] => []);
  for (const side of sides) await round(side, ask, `${what} warm`);
  for (let n = 0; n < ROUNDS; n += 1)
    for (const [at, side] of sides.entries()) measured[at]?.push(await round(side, ask, `${what} ${n}`));
  const [before = [], after = []] = measured;
  const rate = (of: readonly Measured[]) => median(of.map(({ perSecond }) => perSecond));
  const cpu = (of: readonly Measured[]) => median(of.map(({ cpuMs }) => cpuMs));
  return [
    {
      what: `${what}, a second, ${CONCURRENCY} at once: ${DRIVERS.join(' → ')}`,
      figure: `${rate(before).toFixed(0)} → ${rate(after).toFixed(0)} (${ratio(rate(after), rate(before))})`,
    },
    {
      what: '   processor time of the bridge for each',
      figure: `${cpu(before).toFixed(2)} → ${cpu(after).toFixed(2)} ms`,
    },
  ];
}

async function round(side: Side, ask: Ask, name: string): Promise<Measured> {
  const cpuBefore = side.bridge.cpuMs();
  let next = 0;
  const connection = async () => {
    while (next < REQUESTS) {
      next += 1;
      await ask(side, `${name} ${next}`.replaceAll(/\W/g, '-'));
    }
  };
  const tookMs = await timed(() => Promise.all(Array.from({ length: CONCURRENCY }, connection)));
  return {
    perSecond: (REQUESTS * 1_000) / tookMs,
    cpuMs: (side.bridge.cpuMs() - cpuBefore) / REQUESTS,
  };
}

const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });

function send(
  { url }: RealProcess,
  { token }: Tenant,
  method: string,
  path: string,
  body?: object,
): Promise<void> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/scim+json', 'content-length': Buffer.byteLength(text) }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}/scim/v2${path}`, { agent, method, headers }, (answer) => {
      answer.resume();
      const isFine = answer.statusCode === 200 || answer.statusCode === 201;
      answer.on('end', () => (isFine ? resolve() : reject(new Error(`${path}: ${answer.statusCode}`))));
    });
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}
