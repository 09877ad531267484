/** The one HTTP exchange that all connectors share: what it keeps to itself, and how much it takes in. */

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { ANSWER_BYTES_MAX, createSender, type SendRequest } from '../../../src/connectors/http.ts';
import { createPacer } from '../../../src/connectors/pacer.ts';
import { RemoteError } from '../../../src/model/errors.ts';

const TOKEN = 'a-token-of-no-known-form';
const context = { signal: new AbortController().signal, record: () => {} };
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function sender(): SendRequest {
  const now = () => 0;
  const pacer = createPacer([], { now, sleep: async () => {} });
  return createSender({ store: 'Slack', pacer, fetch, now });
}

function get(url: string, headers: Record<string, string>) {
  return sender()({ method: 'GET', url, headers, action: 'list users', writes: false }, context);
}

async function failure(work: Promise<unknown>): Promise<RemoteError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof RemoteError) return error;
  throw new Error(`expected a RemoteError, not ${String(error)}`);
}

describe('a token', () => {
  it.each([{ authorization: `Bearer ${TOKEN}` }, { 'PRIVATE-TOKEN': TOKEN }])(
    'that a refusal echoes goes no further (%j)',
    async (headers) => {
      const url = await serve((_request, response) => response.writeHead(403).end(`bad token ${TOKEN}`));
      expect(await get(url, headers)).toMatchObject({ status: 403, text: 'bad token …' });
    },
  );

  it('that a rate limit echoes goes no further', async () => {
    const url = await serve((_request, response) => response.writeHead(429).end(`slow down, ${TOKEN}`));
    const error = await failure(get(url, { authorization: `Bearer ${TOKEN}` }));
    expect(error).toMatchObject({ disposition: 'rateLimited', code: 'slow down, …' });
  });

  it('that no header can hold is a bad credential, and is not quoted', async () => {
    const error = await failure(get('http://127.0.0.1:9/', { 'private-token': `${TOKEN}\nmore` }));
    expect(error.disposition).toBe('unauthorized');
    expect(inspect(error, { depth: 10 })).not.toContain(TOKEN);
  });
});

describe('an answer', () => {
  it('keeps its text as it came', async () => {
    const url = await serve((_request, response) => response.end(`"Zoë 🦉 ${TOKEN}"`));
    const { text } = await get(url, { authorization: `Bearer ${TOKEN}` });
    expect(text).toBe(`"Zoë 🦉 ${TOKEN}"`);
  });

  it('without an end does not fill the memory', async () => {
    const chunk = Buffer.alloc(4 * 1024 * 1024, 0x20);
    let sent = 0;
    const url = await serve((_request, response) => {
      const more = () => {
        sent += chunk.length;
        if (response.write(chunk)) setImmediate(more);
        else response.once('drain', more);
      };
      response.once('error', () => {});
      more();
    });
    const error = await failure(get(url, {}));
    expect(error).toMatchObject({ disposition: 'transient', code: 'answer too large' });
    expect(sent).toBeLessThan(2 * ANSWER_BYTES_MAX);
  });
});

describe('a write', () => {
  const send = async (writes: readonly boolean[]) => {
    const url = await serve((_request, response) => response.end('{}'));
    let confirmed = 0;
    const confirm = async () => {
      confirmed += 1;
    };
    const asking = { ...context, confirm };
    const request = sender();
    for (const write of writes)
      await request({ method: write ? 'POST' : 'GET', url, headers: {}, action: 'x', writes: write }, asking);
    return confirmed;
  };

  it.each([
    ['after nothing', [true], 0],
    ['after a read', [false, true], 1],
    ['after reads', [false, false, true], 1],
    ['after a write', [true, true], 0],
    ['after a write that a read came before', [false, true, true], 1],
    ['after each read', [false, true, false, true], 2],
  ])('%s asks whether it may still leave: %j', async (_, writes, asked) => {
    expect(await send(writes)).toBe(asked);
  });

  it.each([
    [4, 0],
    [5, 1],
    [400, 1],
  ])('that waited %i ms for its turn asks so %i times', async (waitMs, asked) => {
    const url = await serve((_request, response) => response.end('{}'));
    let at = 0;
    const now = () => at;
    const sleep = async (ms: number) => {
      at += ms;
    };
    const pacer = createPacer([], { now, sleep });
    pacer.pauseAll(waitMs);
    let confirmed = 0;
    const confirm = async () => {
      confirmed += 1;
    };
    const request = { method: 'POST', url, headers: {}, action: 'x', writes: true };
    await createSender({ store: 'Slack', pacer, fetch, now })(request, { ...context, confirm });
    expect(confirmed).toBe(asked);
  });

  it('that may not leave any more stays', async () => {
    const methods: unknown[] = [];
    const url = await serve((request, response) => {
      methods.push(request.method);
      response.end('{}');
    });
    const refusing = { ...context, confirm: () => Promise.reject(new Error('other settings')) };
    const request = sender();
    const read = { method: 'GET', url, headers: {}, action: 'x', writes: false };
    await request(read, refusing);
    const written = request({ ...read, method: 'POST', writes: true }, refusing);
    await expect(written).rejects.toThrow('other settings');
    expect(methods).toEqual(['GET']);
  });
});
