/** What leaves, and what does not: over real connections on this machine, with a resolver that says what a test wants. */

import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { AddressRefused, type Fetch } from '../../../src/connectors/connector.ts';
import { NOTHING_ALLOWED, parseAllowed } from '../../../src/outbound/allow.ts';
import { createOutbound } from '../../../src/outbound/outbound.ts';
import { createResolve, type Resolve } from '../../../src/outbound/resolve.ts';
import { CERTIFICATE, KEY } from './certificate.ts';

const servers: Server[] = [];

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

const vendor = (handle: RequestListener = (_, res) => void res.end('here')) =>
  listening(createServer(handle));
const tlsVendor = () =>
  listening(createTlsServer({ cert: CERTIFICATE, key: KEY }, (_, res) => void res.end('here')));

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Answers the lists in turn, the last one for ever. */
function resolving(...answers: readonly (readonly string[])[]): Resolve & { asked: number } {
  const resolve = ((_host, _options, done) => {
    const answer = answers[Math.min(resolve.asked, answers.length - 1)] ?? [];
    resolve.asked += 1;
    done(
      null,
      answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as Resolve & { asked: number };
  resolve.asked = 0;
  return resolve;
}

const AT_HOME = { allowed: NOTHING_ALLOWED, listensOnLoopback: true };
const EXPOSED = { allowed: NOTHING_ALLOWED, listensOnLoopback: false };

async function get(fetch: Fetch, url: string): Promise<string> {
  const answer = await fetch(url, {
    method: 'GET',
    headers: new Headers({ authorization: 'Bearer secret' }),
    redirect: 'manual',
    signal: AbortSignal.timeout(5_000),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body ?? []) chunks.push(chunk);
  return `${answer.status} ${Buffer.concat(chunks)}`;
}

async function refusal(fetch: Fetch, url: string): Promise<string> {
  const error = await get(fetch, url).then(
    (answer) => new Error(`answered ${answer}`),
    (thrown: Error) => thrown,
  );
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if (at instanceof AddressRefused) return at.message;
  throw error;
}

describe('a name', () => {
  it('is connected to at the address that was judged, and not resolved again; another connection is judged anew', async () => {
    const port = await vendor((_, res) => void res.writeHead(200, { connection: 'close' }).end('here'));
    const resolve = resolving(['127.0.0.1'], ['169.254.169.254']);
    const fetch = createOutbound({ rule: AT_HOME, proxy: null }, resolve)('public', {});
    expect(await get(fetch, `http://store.example:${port}/`)).toBe('200 here');
    expect(resolve.asked).toBe(1);
    expect(await refusal(fetch, `http://store.example:${port}/`)).toMatch(/never connects/);
  });

  it.each([
    [['169.254.169.254']],
    [['127.0.0.1', '169.254.169.254']],
    [['::ffff:169.254.169.254']],
    [['64:ff9b::a9fe:a9fe']],
    [['fe80::1', '127.0.0.1']],
  ])('that leads to %j is refused, and nobody is connected to', async (addresses) => {
    let connections = 0;
    const port = await vendor();
    servers[0]?.on('connection', () => {
      connections += 1;
    });
    const fetch = createOutbound({ rule: AT_HOME, proxy: null }, resolving(addresses))('private', {});
    expect(await refusal(fetch, `http://store.example:${port}/`)).toMatch(
      /^store\.example leads to a link-local/,
    );
    expect(connections).toBe(0);
  });

  it('that leads to this machine is refused where the bridge listens elsewhere too', async () => {
    const port = await vendor();
    const resolve = resolving(['127.0.0.1']);
    const url = `http://store.example:${port}/`;
    expect(
      await refusal(createOutbound({ rule: EXPOSED, proxy: null }, resolve)('private', {}), url),
    ).toMatch(/OUTBOUND_ALLOW/);
    const rule = { allowed: parseAllowed('store.example'), listensOnLoopback: false };
    expect(await get(createOutbound({ rule, proxy: null }, resolve)('private', {}), url)).toBe('200 here');
  });

  it('waits for its turn behind slow ones, which do not take every thread', async () => {
    const begun: (() => void)[] = [];
    const resolve = createResolve((_host, _options, done) => begun.push(() => done(null, [])));
    let answered = 0;
    for (let i = 0; i < 5; i += 1) resolve('slow.example', { all: true }, () => (answered += 1));
    expect(begun).toHaveLength(2);
    for (let i = 0; i < 5; i += 1) begun[i]?.();
    expect(answered).toBe(5);
  });
});

it.each([
  'http://127.0.0.1',
  'http://2130706433',
  'http://0x7f.1',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
  'http://localhost',
])('%s is this machine, however it is written', async (base) => {
  const port = await vendor();
  const fetch = createOutbound({ rule: EXPOSED, proxy: null })('private', {});
  expect(await refusal(fetch, `${base}:${port}/`)).toMatch(/a loopback address/);
});

it('leaves a redirect to whoever asked', async () => {
  const port = await vendor(
    (_, res) => void res.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
  );
  const fetch = createOutbound({ rule: AT_HOME, proxy: null })('public', {});
  expect(await get(fetch, `http://127.0.0.1:${port}/`)).toBe('302 ');
});

it.each(['gzip', 'br'] as const)('unpacks what a vendor has packed as %s', async (encoding) => {
  const pack = { gzip: gzipSync, br: brotliCompressSync }[encoding];
  const port = await vendor((req, res) => {
    expect(req.headers['accept-encoding']).toContain(encoding);
    res.writeHead(404, { 'content-encoding': encoding }).end(pack('packed '.repeat(10_000)));
  });
  const fetch = createOutbound({ rule: AT_HOME, proxy: null })('public', {});
  expect(await get(fetch, `http://127.0.0.1:${port}/`)).toBe(`404 ${'packed '.repeat(10_000)}`);
});

it('asks for no packed answer to a write, and says who asks', async () => {
  const port = await vendor((req, res) => {
    res.end([req.headers['accept-encoding'], req.headers['user-agent']].join());
  });
  const fetch = createOutbound({ rule: AT_HOME, proxy: null })('public', {});
  const signal = AbortSignal.timeout(5_000);
  const asked = { method: 'PATCH', headers: new Headers(), redirect: 'manual', signal } as const;
  const answer = await fetch(`http://127.0.0.1:${port}/`, asked);
  expect((await Array.fromAsync(answer.body ?? [])).join('')).toBe('identity,scim-bridge');
});

it.each([25, 6667])('asks nothing of port %d, where another protocol is spoken', async (port) => {
  const fetch = createOutbound({ rule: AT_HOME, proxy: null })('private', {});
  await expect(get(fetch, `http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'blocked_port' });
});

it('ends the connection of an answer that nobody reads to its end', async () => {
  const closed = Promise.withResolvers<void>();
  const port = await vendor((_, res) => {
    res.once('close', closed.resolve);
    res.write('and so on');
  });
  const fetch = createOutbound({ rule: AT_HOME, proxy: null })('public', {});
  const answer = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: new Headers(),
    redirect: 'manual',
    signal: AbortSignal.timeout(5_000),
  });
  for await (const chunk of answer.body ?? []) if (chunk.byteLength > 0) break;
  await closed.promise;
});

it('shows each header that came several times', async () => {
  const port = await vendor((_, res) => void res.writeHead(200, { link: ['<a>', '<b>'] }).end());
  const fetch = createOutbound({ rule: AT_HOME, proxy: null })('public', {});
  const signal = AbortSignal.timeout(5_000);
  const asked = { method: 'GET', headers: new Headers(), redirect: 'manual', signal } as const;
  expect((await fetch(`http://127.0.0.1:${port}/`, asked)).headers.get('link')).toBe('<a>, <b>');
});

describe('CA_PEM', () => {
  it('is the authority that a store is trusted by', async () => {
    const port = await tlsVendor();
    const open = createOutbound({ rule: AT_HOME, proxy: null });
    expect(await get(open('private', { CA_PEM: CERTIFICATE }), `https://localhost:${port}/`)).toBe(
      '200 here',
    );
    await expect(get(open('private', {}), `https://localhost:${port}/`)).rejects.toThrow(/self-signed/);
  });

  it('still wants the name of the host in the certificate', async () => {
    const port = await tlsVendor();
    const open = createOutbound({ rule: AT_HOME, proxy: null }, resolving(['127.0.0.1']));
    const fetch = open('private', { CA_PEM: CERTIFICATE });
    expect(await get(fetch, `https://vendor.example:${port}/`)).toBe('200 here');
    await expect(get(fetch, `https://other.example:${port}/`)).rejects.toThrow(/altnames/);
  });
});

describe('a proxy', () => {
  /** Tunnels to the given port whatever name it is asked for, and notes the names. */
  async function proxy(to: number): Promise<{ readonly url: string; readonly asked: string[] }> {
    const asked: string[] = [];
    const server = createServer((req, res) => {
      asked.push(req.url ?? '');
      res.end('the proxy');
    });
    server.on('connect', (req, socket) => {
      asked.push(req.url ?? '');
      const through = connect(to, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        through.pipe(socket).pipe(through);
      });
      through.on('error', () => socket.destroy());
      socket.on('error', () => through.destroy());
    });
    return { url: `http://127.0.0.1:${await listening(server)}`, asked };
  }

  it('of a store carries its calls, and resolves the name', async () => {
    const { url, asked } = await proxy(await tlsVendor());
    const resolve = resolving([]);
    const open = createOutbound({ rule: AT_HOME, proxy: null }, resolve);
    const fetch = open('public', { PROXY_URL: url, CA_PEM: CERTIFICATE });
    expect(await get(fetch, 'https://vendor.example/')).toBe('200 here');
    expect(asked).toEqual(['vendor.example:443']);
    expect(resolve.asked).toBe(0);
  });

  it('of a store obeys the rule of the store', async () => {
    const { url, asked } = await proxy(await tlsVendor());
    const fetch = createOutbound({ rule: EXPOSED, proxy: null })('private', { PROXY_URL: url });
    expect(await refusal(fetch, 'https://vendor.example/')).toMatch(/^127\.0\.0\.1 is a loopback address/);
    const named = createOutbound({ rule: AT_HOME, proxy: null }, resolving(['169.254.169.254']));
    const behind = named('private', { PROXY_URL: url.replace('127.0.0.1', 'proxy.example') });
    await expect(get(behind, 'https://vendor.example/')).rejects.toThrow();
    expect(asked).toEqual([]);
  });

  it.each(['https://169.254.169.254/', 'https://metadata.google.internal/', 'http://vendor.example/'])(
    'is not asked for %s',
    async (target) => {
      const { url, asked } = await proxy(await tlsVendor());
      const fetch = createOutbound({ rule: AT_HOME, proxy: null })('public', { PROXY_URL: url });
      expect(await refusal(fetch, target)).not.toBe('');
      expect(asked).toEqual([]);
    },
  );

  it('of the process carries https, but not to where NO_PROXY says, and nothing else', async () => {
    const port = await tlsVendor();
    const plain = await vendor();
    const { url, asked } = await proxy(port);
    const config = { rule: AT_HOME, proxy: { url, except: 'localhost' } };
    const fetch = createOutbound(config, resolving(['127.0.0.1']))('public', { CA_PEM: CERTIFICATE });
    expect(await get(fetch, 'https://vendor.example/')).toBe('200 here');
    expect(await get(fetch, `https://localhost:${port}/`)).toBe('200 here');
    expect(await get(fetch, `http://plain.example:${plain}/`)).toBe('200 here');
    expect(asked).toEqual(['vendor.example:443']);
    expect(await refusal(fetch, 'https://169.254.169.254/')).toMatch(/never connects/);
  });
});
