/** Whatever is asked without a known token counts towards the limit of its address: every route, and what is none. */

import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UNKNOWN_TOKENS_MAX } from '../../../src/auth/addressLimit.ts';
import { createLog } from '../../../src/support/log.ts';
import { type RunningBridge, startBridge } from '../../bridge.ts';
import { DOCUMENT } from '../../contract.ts';

/** Asked by load balancers and monitors, and answered from what is at hand already. */
const PROBES = new Set(['/healthz', '/readyz', '/metrics']);
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const documented = Object.entries(DOCUMENT.paths as Record<string, Record<string, object>>);
const routes = documented.flatMap(([template, operations]) =>
  ['x', '%zz'].flatMap((parameter) =>
    Object.keys(operations).map((method) => ({
      method: method.toUpperCase(),
      path: template.replace(/\{\w+\}/g, parameter),
    })),
  ),
);
/** Any method of those that some operation needs no token for, or that no document has. */
const open = documented.filter(([, operations]) =>
  Object.values(operations).some((operation) => !('security' in operation) || `${operation.security}` === ''),
);
const strange = [
  ...['/nowhere', '/%zz', '/v1/nowhere', '/v1/%zz', '/V1', '//', '/scim', '/scim/v2', '/scim/v2/%zz'],
  ...['/docs/', '/docs/start.js', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/nothing'],
  ...['/console', '/console/', '/favicon.ico', '/robots.txt', '/healthz/more', '/metrics/more'],
];
const anyMethod = [...open.map(([path]) => path), ...strange].flatMap((path) =>
  METHODS.map((method) => ({ method, path })),
);
const all = [...routes, ...anyMethod].filter(({ path }) => !PROBES.has(path));

const JSON_BODY = { 'content-type': 'application/json' };
const WRONG = [
  ['nothing', {}, ''],
  ['a wrong token', { authorization: 'Bearer wrong' }, ''],
  ['no bearer token', { authorization: 'Basic d3Jvbmc6d3Jvbmc=' }, ''],
  ['a wrong session', { cookie: 'scim_bridge_session=wrong' }, ''],
  [
    'a form and a wrong session',
    { cookie: 'scim_bridge_session=wrong', 'content-type': 'text/plain' },
    'a=b',
  ],
  ['a body that is no JSON', JSON_BODY, '{'],
  ['a body that says nothing', JSON_BODY, '{}'],
  ['a large body', JSON_BODY, `{"token":"${'x'.repeat(100_000)}"}`],
  ['a wrong token in the body', JSON_BODY, '{"token":"wrong"}'],
  ['a wrong code in the body', JSON_BODY, '{"code":"wrong"}'],
] as const;

let folder: string;
let bridge: RunningBridge;
const lines: { level: string; status?: number; msg: string }[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scim-bridge-unknown-'));
  const log = createLog('debug', { write: (line) => lines.push(JSON.parse(line)) });
  bridge = await startBridge(`sqlite:${join(folder, 'bridge.db')}`, undefined, { log });
});
afterAll(async () => {
  await bridge.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Not by fetch, which mends paths. */
function statusOf({ method, path, headers = {}, body = '' }: Asked): Promise<number> {
  return new Promise((resolve, reject) => {
    const length = body === '' ? {} : { 'content-length': Buffer.byteLength(body) };
    const asked = request(bridge.url, { method, path, headers: { ...headers, ...length } });
    asked.on('error', reject);
    asked.on('response', (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.end(body);
  });
}

async function statusesOf(
  asked: readonly Asked[],
): Promise<readonly { readonly told: string; readonly status: number }[]> {
  const statuses: { told: string; status: number }[] = [];
  for (let at = 0; at < asked.length; at += 100)
    statuses.push(
      ...(await Promise.all(
        asked.slice(at, at + 100).map(async (one) => ({
          told: `${one.method} ${one.path}`,
          status: await statusOf(one),
        })),
      )),
    );
  return statuses;
}

it('knows the routes that answer without a token', () => {
  const paths = open.map(([path]) => path);
  expect(paths).toEqual(expect.arrayContaining(['/', '/docs', '/v1', '/v1/openapi.json', '/v1/session']));
});

describe('after too many from one address', () => {
  beforeAll(async () => {
    // Each way counts: a route that answers as usual until another is full would not be found by what follows.
    const ways = [
      '/',
      '/docs',
      '/docs/start.js',
      '/console',
      '/v1',
      '/v1/openapi.json',
      '/nowhere',
      '/v1/%zz',
    ];
    const asked = Array.from({ length: UNKNOWN_TOKENS_MAX }, (_, n) => ({
      method: 'GET',
      path: ways[n % ways.length] as string,
    }));
    const statuses = await statusesOf(asked);
    expect(statuses.filter(({ status }) => status === 429)).toEqual([]);
  });

  it.each(WRONG)('everything is 429 with %s, and has no line of its own', async (_what, headers, body) => {
    lines.length = 0;
    const statuses = await statusesOf(
      all
        .filter(({ method, path }) => body === '' || (method === 'POST' && path === '/v1/session'))
        .map((one) => ({ ...one, headers, body })),
    );
    expect(statuses.length).toBeGreaterThan(0);
    expect(statuses.filter(({ status }) => status !== 429)).toEqual([]);
    expect(lines.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  it('whoever brings a token that is known, or a session, passes everywhere', async () => {
    const signIn = await fetch(`${bridge.url}/v1/session`, {
      method: 'POST',
      headers: JSON_BODY,
      body: JSON.stringify({ token: bridge.adminToken }),
    });
    expect(signIn.status).toBe(201);
    const cookie = signIn.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
    const admin = { authorization: `Bearer ${bridge.adminToken}` };
    const scim = { authorization: `Bearer ${bridge.scimToken}` };
    const ownPath = ({ path }: Asked) => !path.startsWith('/v1/') && !path.startsWith('/scim/');
    const reads = all.filter(({ method }) => method === 'GET');
    const statuses = await statusesOf([
      ...reads
        .filter((one) => ownPath(one) || one.path.startsWith('/v1/'))
        .map((one) => ({ ...one, headers: admin })),
      ...reads
        .filter((one) => ownPath(one) || one.path.startsWith('/scim/'))
        .map((one) => ({ ...one, headers: scim })),
      ...reads.filter(ownPath).map((one) => ({ ...one, headers: { cookie } })),
      { method: 'GET', path: '/v1/openapi.json', headers: scim },
      { method: 'PUT', path: '/v1/openapi.json', headers: admin },
    ]);
    expect(statuses.filter(({ status }) => status === 429)).toEqual([]);
  });

  it('probes are answered', async () => {
    const statuses = await statusesOf([...PROBES].map((path) => ({ method: 'GET', path })));
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});
