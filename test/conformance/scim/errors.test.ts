/** Failures (RFC 7644 §3.12): the right status, a SCIM body of four keys, and a connection that lives on. */

import { Agent, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { hashWith } from '../../../src/db/access/identifierKey.ts';
import { BODY_BYTES_MAX } from '../../../src/scim/request/limits.ts';
import { createScimRouter, SCIM_PATH } from '../../../src/scim/router.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { eventually } from '../../bridge.ts';
import { onEachDatabase } from '../../database.ts';
import {
  type Client,
  type EndpointUnderTest,
  expectScimError,
  PUBLIC_URL,
  someone,
  startEndpoint,
} from './endpoint.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let idp: Client;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
  });
  beforeEach(async () => {
    idp = await endpoint.connect();
  });
  afterAll(() => endpoint.close());

  describe('§3.12 what cannot be read', () => {
    it.each([
      ['broken JSON', '{"userName": "a"', 'invalidSyntax'],
      ['no object', '[]', 'invalidSyntax'],
      ['null', 'null', 'invalidSyntax'],
      ['text', '"userName"', 'invalidSyntax'],
      ['nothing', undefined, 'invalidSyntax'],
      ['too deep', `{"userName":"a","x":${'['.repeat(100)}${']'.repeat(100)}}`, 'invalidSyntax'],
    ])('%s is 400', async (_, body, scimType) => {
      expectScimError(await idp.request('POST', '/Users', body), 400, scimType);
    });

    it('what nests a million levels is 400', async () => {
      const body = `{"userName":"a","x":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`;
      expectScimError(await idp.request('POST', '/Users', body), 400, 'invalidSyntax');
    });

    it('§3.1 another content type, charset or encoding is 415', async () => {
      for (const headers of [
        { 'Content-Type': 'text/plain' },
        { 'Content-Type': 'application/x-www-form-urlencoded' },
        { 'Content-Type': 'application/json; charset=latin1' },
        { 'Content-Type': 'application/json; charset="UTF-16"' },
        { 'Content-Type': 'application/json; version=1; charset = utf-32' },
        { ...JSON_TYPE, 'Content-Encoding': 'compress' },
      ]) {
        expectScimError(await idp.request('POST', '/Users', '{"userName":"a"}', headers), 415);
      }
      expect((await idp.request('POST', '/Users', '{"userName":"a"}', JSON_TYPE)).status).toBe(201);
    });

    it('§3.1 what is not UTF-8 is 400: the name would be another one', async () => {
      const latin1 = Buffer.from('{"userName":"Zoë"}', 'latin1');
      expectScimError(await idp.request('POST', '/Users', latin1), 400, 'invalidSyntax');
      for (const name of ['Zo%EB', 'Zo%C3', 'Zo%ED%A0%80']) {
        const query = `/Users?filter=userName%20eq%20%22${name}%22`;
        expectScimError(await idp.get(query), 400, 'invalidSyntax');
      }
      for (const name of ['Zo%C3%AB', '%EF%BF%BD', '100%']) {
        expect((await idp.get(`/Users?filter=userName%20eq%20%22${name}%22`)).status).toBe(200);
      }
      for (const charset of ['utf-8', '"UTF-8"']) {
        const type = { 'Content-Type': `application/json; charset=${charset}` };
        expect((await idp.request('POST', '/Users', `{"userName":${charset.length}}`, type)).status).toBe(
          201,
        );
      }
    });

    it('too large a body is 413', async () => {
      const body = JSON.stringify({ userName: 'a', title: 'x'.repeat(BODY_BYTES_MAX) });
      expectScimError(await idp.request('POST', '/Users', body), 413);
    });

    it('a PATCH without operations is 400, with none of them it changes nothing', async () => {
      const { body } = await idp.post('/Users', someone('ann'));
      expectScimError(await idp.request('PATCH', `/Users/${body.id}`, {}), 400, 'invalidSyntax');
      expect((await idp.patch(`/Users/${body.id}`, [])).body).toEqual(body);
    });
  });

  describe('§3.8 §3.11 §3.12 what is not there', () => {
    it.each([
      ['GET', '/Nothing', 404],
      ['GET', '/', 404],
      ['POST', '/Users/1/2', 404],
      ['DELETE', '/Users', 405],
      ['PUT', '/Groups', 405],
      ['POST', '/Users/1', 405],
      ['GET', '/Bulk', 405],
      ['POST', '/Schemas', 405],
      ['GET', '/Me', 501],
      ['GET', '/Users/%E0%A4%A', 400],
      ['GET', '/Users/%00', 404],
    ])('%s %s is %i', async (method, path, status) => {
      const reply = await idp.request(method, path);
      expectScimError(reply, status, status === 400 ? 'invalidSyntax' : undefined);
      const allowed = path === '/Groups' ? 'GET, HEAD, POST' : expect.stringMatching(/[A-Z]/);
      if (status === 405) expect(reply.headers.get('allow')).toEqual(allowed);
    });

    it('HEAD answers as GET, without a body', async () => {
      const { body } = await idp.post('/Users', someone('ann'));
      const head = await idp.request('HEAD', `/Users/${body.id}`);
      expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', 'W/"1"']);
    });
  });

  describe('§2 authorization', () => {
    it('asks for a token before it reads a body', async () => {
      const reply = await fetch(`http://127.0.0.1:${endpoint.port}${SCIM_PATH}/Users`, {
        method: 'POST',
        headers: JSON_TYPE,
        body: 'not json',
      });
      expect(reply.status).toBe(401);
      expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
    });

    it('refuses what the scopes do not hold', async () => {
      const reader = await endpoint.connect({ scopes: ['get:users'] });
      expect((await reader.get('/Users')).status).toBe(200);
      for (const reply of [await reader.post('/Users', someone('x')), await reader.get('/Groups')]) {
        expectScimError(reply, 403);
        expect(reply.headers.get('www-authenticate')).toContain('insufficient_scope');
      }
      expect((await reader.post('/Users/.search', {})).status).toBe(200);
      expect((await reader.post('/.search', {})).status).toBe(403);
    });
  });

  describe('outages', () => {
    it('a statement that fails is 500, says nothing of it, and is never 404', async () => {
      const broken = await startEndpoint(await open());
      const client = await broken.connect();
      const { body } = await client.post('/Users', someone('ann'));
      await broken.db.schema.dropTable('group_members');
      for (const reply of [
        await client.get(`/Users/${body.id}`),
        await client.get('/Users'),
        await client.post('/Groups', { displayName: 'G', members: [{ value: body.id }] }),
      ]) {
        expectScimError(reply, 500);
        expect(reply.text).not.toMatch(/group_members|SQL|select|stack/i);
      }
      expect((await client.get(`/Users/${body.id}?excludedAttributes=groups`)).status).toBe(200);
      await broken.close();
    });

    it('a write that is durable is 2xx, whatever could not be read for its answer', async () => {
      const broken = await startEndpoint(await open());
      const client = await broken.connect();
      const { body } = await client.post('/Users', someone('ann'));
      await broken.db.schema.alterTable('users', (t) => t.renameColumn('user_name', 'unreadable'));
      const made = await client.post('/Groups', { displayName: 'G', members: [{ value: body.id }] });
      expect([made.status, made.body.displayName, made.body.members]).toEqual([201, 'G', undefined]);
      expectScimError(await client.get(`/Groups/${made.body.id}`), 500);
      await broken.close();
    });

    it('what is 5xx because the groups of a user cannot be read has written nothing', async () => {
      const broken = await startEndpoint(await open());
      const client = await broken.connect();
      const { body } = await client.post('/Users', someone('ann'));
      const rename = (from: string, to: string) =>
        broken.db.schema.alterTable('groups', (t) => t.renameColumn(from, to));
      await rename('display_name', 'unreadable');
      expectScimError(await client.put(`/Users/${body.id}`, someone('ann', { title: 'x' })), 500);
      expectScimError(await client.get(`/Users/${body.id}`), 500);
      await rename('unreadable', 'display_name');
      const { body: after } = await client.get(`/Users/${body.id}`);
      expect([after.title, after.meta.version]).toEqual([undefined, body.meta.version]);
      await broken.close();
    });

    it('a database that is away is 503 with Retry-After', async () => {
      const db = await open();
      const broken = await startEndpoint(db);
      const client = await broken.connect();
      await db.destroy();
      const reply = await client.get('/Users/1');
      expectScimError(reply, 503);
      expect(reply.headers.get('retry-after')).toMatch(/^\d+$/);
      await broken.close();
    });

    it('so it is when the database goes between authentication and the read', async () => {
      const db = await open();
      const app = express();
      const principal = {
        cause: { correlationId: 'c', actor: { type: 'connection', id: 'c', name: 'okta' } },
        connection: { id: 'c', environmentId: 'default', unknownAttributes: 'Reject' },
        scopes: new Set(),
      };
      app.use(
        SCIM_PATH,
        createScimRouter({
          db,
          clock: systemClock,
          wake: { signal: () => undefined },
          identifierHash: async () => hashWith(Buffer.from('a key for tests')),
          publicUrl: PUBLIC_URL,
          authenticate: (_req, res, next) => {
            res.locals.scim = principal;
            next();
          },
        }),
      );
      const server = app.listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      await db.destroy();
      const { port } = server.address() as AddressInfo;
      for (const [method, path] of [
        ['GET', '/Users/1'],
        ['GET', '/Groups'],
        ['DELETE', '/Users/1'],
      ]) {
        const reply = await fetch(`http://127.0.0.1:${port}${SCIM_PATH}${path}`, { method: method ?? '' });
        const text = await reply.text();
        expectScimError({ status: reply.status, headers: reply.headers, text, body: JSON.parse(text) }, 503);
        expect(reply.headers.get('retry-after')).toBe('10');
      }
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
  });

  it('§3.12 more requests at once than a connection may have in hand are 429 with Retry-After', async () => {
    const limited = await startEndpoint(await open(), { concurrentRequestsMax: 2 });
    const [flood, other] = [await limited.connect(), await limited.connect()];
    const sent = ['ann', 'bea', 'cid'].map((userName) => {
      const post = request({
        host: '127.0.0.1',
        port: limited.port,
        method: 'POST',
        path: `${SCIM_PATH}/Users`,
        headers: { ...JSON_TYPE, Authorization: `Bearer ${flood.token}` },
      });
      // The rest of the body is still to come.
      post.write('{');
      const answered = new Promise<{ userName: string; status: number | undefined }>((resolve) => {
        post.on('response', (answer) => resolve({ userName, status: answer.resume().statusCode }));
      });
      // The one that is refused is cut off at the end.
      post.on('error', () => {});
      return { userName, finish: () => post.end(`"userName":"${userName}"}`), answered };
    });
    // Whichever comes last is refused, and the two others stay in hand.
    const refused = await Promise.race(sent.map(({ answered }) => answered));
    expect(refused.status).toBe(429);
    const reply = await flood.get('/Users');
    expectScimError(reply, 429);
    expect(reply.headers.get('retry-after')).toBe('5');
    expect((await other.post('/Users', someone('ann'))).status).toBe(201);
    const held = sent.filter(({ userName }) => userName !== refused.userName);
    for (const { finish } of held) finish();
    const made = await Promise.all(held.map(({ answered }) => answered));
    expect(made.map(({ status }) => status)).toEqual([201, 201]);
    const again = await eventually(async () => {
      const reply = await flood.get('/Users');
      return reply.status === 429 ? undefined : reply;
    }, 10_000);
    expect(again.body.totalResults).toBe(2);
    await limited.close();
  });

  it.each([
    ['10000 entries', 'POST', '/Users', () => `{"userName":"a","x":[${'1,'.repeat(10_000)}1]}`],
    [
      '650000 values',
      'POST',
      '/Users',
      () => `{"userName":"a","x":[${`[${'1,'.repeat(9_999)}1],`.repeat(65)}1]}`,
    ],
    ['100000 members', 'PATCH', '/Groups/1', () => `{"Operations":[{"value":[${'{},'.repeat(650_001)}{}]}]}`],
    ['1000 keys', 'POST', '/Users', () => `{${Array.from({ length: 1001 }, (_, n) => `"k${n}":1`)}}`],
    ['100000 members', 'POST', '/Groups', () => groupOf(100_001)],
    ['10000 operations', 'PATCH', '/Users/1', () => `{"Operations":[${'{},'.repeat(10_000)}{}]}`],
  ])('more than %s is 413 and named: %s %s', async (limit, method, path, body) => {
    const reply = await idp.request(method, path, body());
    expectScimError(reply, 413);
    expect(reply.body.detail).toContain(limit);
  });

  it('more members than one PATCH may name is 413, also in operations of their own', async () => {
    const { body: group } = await idp.post('/Groups', { displayName: 'G' });
    const half = (from: number) => ({
      op: 'add',
      path: 'members',
      value: Array.from({ length: 50_001 }, (_, n) => ({ value: String(from + n) })),
    });
    const reply = await idp.patch(`/Groups/${group.id}`, [half(0), half(100_000)]);
    expectScimError(reply, 413);
    expect(reply.body.detail).toContain('100000 members');
  });

  it('bodies beyond the bytes that may be in hand are 429, whole or half-sent, and never others', async () => {
    const limited = await startEndpoint(await open(), {
      bytesInHandMax: { connection: 3000, process: 4000 },
    });
    const [flood, other, third] = [await limited.connect(), await limited.connect(), await limited.connect()];
    const begin = async (client: Client, bytes: number) => {
      const sent = request({
        host: '127.0.0.1',
        port: limited.port,
        method: 'POST',
        path: `${SCIM_PATH}/Users`,
        headers: { ...JSON_TYPE, Authorization: `Bearer ${client.token}`, 'Content-Length': 20_000 },
      });
      sent.on('error', () => {});
      await new Promise((resolve) => sent.write(Buffer.alloc(bytes, ' '), resolve));
      // Whoever is answered after a look at the database came after those bytes.
      await client.get('/Users');
      return sent;
    };
    const large = (userName: string) => someone(userName, { title: 'x'.repeat(1600) });
    const refusedAs = async (client: Client) => {
      const refused = await eventually(async () => {
        const reply = await client.post('/Users', large(client.connectionId));
        return reply.status === 429 ? reply : undefined;
      }, 10_000);
      expectScimError(refused, 429);
      expect(refused.headers.get('retry-after')).toBe('5');
      return refused.body.detail;
    };
    const held = await begin(flood, 1300);
    expect(await refusedAs(flood)).toContain('3000 bytes');
    expect((await other.post('/Users', large('bea'))).status).toBe(201);
    const more = await begin(other, 1300);
    expect(await refusedAs(other)).toContain('3000 bytes');
    expect(await refusedAs(third)).toContain('4000 bytes');
    held.destroy();
    more.destroy();
    for (const client of [flood, third]) {
      const accepted = async () => (await client.post('/Users', large('late'))).status !== 429 || undefined;
      await eventually(accepted, 10_000);
    }
    await limited.close();
  });

  it('keeps the connection alive after every kind of error', async () => {
    const broken = await startEndpoint(await open());
    const client = await broken.connect();
    const { body } = await client.post('/Users', someone('ann'));
    await broken.db.schema.dropTable('group_members');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const authorization = { Authorization: `Bearer ${client.token}` };
    const send = (method: string, path: string, headers: object, text?: string) =>
      new Promise<{ status: number; port: number }>((resolve, reject) => {
        const sent = request(
          {
            host: '127.0.0.1',
            port: broken.port,
            agent,
            method,
            path: SCIM_PATH + path,
            headers: { ...authorization, ...headers },
          },
          (answer: IncomingMessage) => {
            const port = answer.socket.localPort ?? 0;
            answer.resume().on('end', () => resolve({ status: answer.statusCode ?? 0, port }));
          },
        );
        sent.on('error', reject);
        sent.end(text);
      });
    const seen = [
      await send('GET', `/Users/${body.id}`, {}),
      await send('POST', '/Users', { 'Content-Type': 'text/plain' }, 'x'.repeat(300_000)),
      await send('POST', '/Users', { ...JSON_TYPE, Authorization: 'Bearer wrong' }, 'x'.repeat(300_000)),
      await send('POST', '/Users', JSON_TYPE, '{'),
      await send('POST', '/Users', JSON_TYPE, 'x'.repeat(BODY_BYTES_MAX + 1)),
      await send('GET', '/Nothing', {}),
      await send('GET', `/Users/${body.id}?attributes=userName`, {}),
    ];
    expect(seen.map(({ status }) => status)).toEqual([500, 415, 401, 400, 413, 404, 200]);
    expect(new Set(seen.map(({ port }) => port)).size).toBe(1);
    agent.destroy();
    await broken.close();
  });
});

function groupOf(members: number): string {
  const all = Array.from({ length: members }, (_, n) => ({ value: String(n) }));
  return JSON.stringify({ displayName: 'G', members: all });
}
