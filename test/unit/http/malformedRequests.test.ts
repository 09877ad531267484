/** What Node's parser refuses is answered as the app answers (RFC 7644 §3.12, RFC 9457), and never twice. */

import { once } from 'node:events';
import { connect } from 'node:net';
import express, { type RequestHandler } from 'express';
import { type Listening, listen } from '../../../src/http/server.ts';
import { createLog } from '../../../src/support/log.ts';
import { freePort } from '../../postgres.ts';

/** Long enough for a whole request on a busy machine; the tests of half a request wait for it. */
const ARRIVAL = { headersMs: 400, requestMs: 400, checkMs: 20, silenceMs: 5_000 };
const HOST = 'Host: bridge\r\n';
const LONG = 'x'.repeat(20_000);

describe('what cannot be read', () => {
  let server: Listening;
  let port: number;
  const lines: Record<string, unknown>[] = [];

  beforeAll(async () => {
    port = await freePort();
    const app = express();
    const scim = express.Router();
    scim.post('/slow', (_req, res) => void setImmediate(() => res.status(201).send('made')));
    scim.post('/early', (_req, res) => void res.status(401).send('early'));
    const read: RequestHandler[] = [
      express.json(),
      (req, res) => void res.status(200).send(req.headers.expect ?? 'read'),
    ];
    // A mounted router sees its own part of the path alone.
    app.use('/scim/v2', scim.use(read));
    app.use(read);
    const log = createLog('info', { write: (line) => void lines.push(JSON.parse(line)) });
    server = await listen(app, { host: '127.0.0.1', port, log, arrival: ARRIVAL });
  });
  afterAll(() => server.close());

  /** All that comes back until the server closes the connection. */
  async function answerTo(...packets: readonly string[]): Promise<string> {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    let answer = '';
    socket.on('data', (text) => {
      answer += text;
      const next = packets[(answer.match(/HTTP\/1.1 /g) ?? []).length];
      if (next) socket.write(next);
    });
    socket.on('error', () => undefined);
    socket.write(packets[0] ?? '');
    await once(socket, 'close');
    return answer;
  }

  function bodyOf(answer: string): Record<string, unknown> {
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(/\r\nX-Correlation-Id: [0-9a-f-]{36}\r\n/);
    expect(head).toMatch(/\r\nConnection: close\b/);
    expect(head).toContain(`\r\nContent-Length: ${body.length}\r\n`);
    return { type: /\r\nContent-Type: (\S+);/.exec(head)?.[1], ...JSON.parse(body) };
  }

  it.each([
    ['no HTTP', 'GARBAGE\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03', 400],
    ['an unknown method', `FOO /scim/v2/Users HTTP/1.1\r\n${HOST}\r\n`, 400],
    ['a space in the path', `GET /scim/v2/Users?filter=a eq HTTP/1.1\r\n${HOST}\r\n`, 400],
    ['no host', 'GET /scim/v2/Users HTTP/1.1\r\n\r\n', 400],
    ['two hosts', `GET /scim/v2/Users HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
    [
      'two lengths',
      `POST /scim/v2/Users HTTP/1.1\r\n${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`,
      400,
    ],
    [
      'a broken chunk',
      `POST /scim/v2/Users HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      400,
    ],
    ['a long header', `GET /scim/v2/Users HTTP/1.1\r\n${HOST}X: ${LONG}\r\n\r\n`, 431],
    ['a long filter', `GET /scim/v2/Users?filter=${LONG} HTTP/1.1\r\n${HOST}\r\n`, 431],
    [
      'long chunk extensions',
      `POST /scim/v2/Users HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;${LONG}\r\n{}\r\n`,
      413,
    ],
    ['half a header', 'GET /scim/v2/Users HTTP/1.1\r\n', 408],
    [
      'half a body',
      `POST /scim/v2/Users HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
      408,
    ],
  ])('%s is a SCIM error of four keys', async (_, packet, status) => {
    expect(bodyOf(await answerTo(packet))).toEqual({
      type: 'application/scim+json',
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: String(status),
      ...(status === 400 && { scimType: 'invalidSyntax' }),
      detail: expect.any(String),
    });
  });

  it.each([
    ['a long header', `GET /v1/environments HTTP/1.1\r\n${HOST}X: ${LONG}\r\n\r\n`, 431],
    ['no host', 'GET /v1/environments HTTP/1.1\r\n\r\n', 400],
    [
      'half a body',
      `POST /v1/environments HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
      408,
    ],
  ])('%s of the admin API is a problem', async (_, packet, status) => {
    const answer = await answerTo(packet);
    expect(bodyOf(answer)).toMatchObject({ type: 'about:blank', status, detail: expect.any(String) });
    expect(answer).toContain('\r\nContent-Type: application/problem+json;');
  });

  it('answers what came before, and not for it', async () => {
    const made = await answerTo(
      `POST /scim/v2/slow HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\nGARBAGE\r\n\r\n`,
    );
    expect(made).toMatch(/^HTTP\/1.1 201 Created\r\n[\s\S]*Connection: close\r\n[\s\S]*made$/);
    const early = await answerTo(
      `POST /scim/v2/early HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`,
      'zz\r\n',
    );
    expect(early).toMatch(/^HTTP\/1.1 401 Unauthorized\r\n[\s\S]*early$/);
    const kept = await answerTo(`GET /scim/v2/Users HTTP/1.1\r\n${HOST}\r\n`, 'GARBAGE\r\n\r\n');
    expect(kept).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*readHTTP\/1.1 400 Bad Request\r\n/);
  });

  it('takes HTTP/1.0 without a host, and expectations that it does not know', async () => {
    expect(await answerTo('GET /scim/v2/Users HTTP/1.0\r\n\r\n')).toMatch(/ 200 OK\r\n[\s\S]*read$/);
    const expecting = await answerTo(
      `GET / HTTP/1.1\r\n${HOST}Expect: a miracle\r\nConnection: close\r\n\r\n`,
    );
    expect(expecting).toMatch(/ 200 OK\r\n[\s\S]*a miracle$/);
  });

  it('logs each under its correlation id, and nothing of what was sent', async () => {
    const answer = await answerTo(`GET /scim/v2/Users?filter=${LONG} HTTP/1.1\r\n${HOST}\r\n`);
    const correlationId = /X-Correlation-Id: (\S+)/.exec(answer)?.[1];
    expect(lines.find((line) => line.correlationId === correlationId)).toMatchObject({ status: 431 });
    expect(JSON.stringify(lines)).not.toContain('xxx');
  });
});
