/** Clients that do not read, bodies that are refused, and a stop in the middle of it: over real connections. */

import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import express from 'express';
import { lingering } from '../../../src/http/linger.ts';
import { type Listening, listen } from '../../../src/http/server.ts';
import { createLog } from '../../../src/support/log.ts';
import { freePort } from '../../postgres.ts';

const ARRIVAL = { headersMs: 15_000, requestMs: 60_000, checkMs: 1_000, silenceMs: 1_500 };
const MIB = 1024 * 1024;

describe('the server', () => {
  let server: Listening;
  let port: number;
  let closed: Promise<unknown>[] = [];

  beforeEach(async () => {
    port = await freePort();
    const app = express();
    app.use(lingering());
    app.get('/large', (_req, res) => {
      const gone = once(res, 'close');
      closed.push(gone);
      res.end(Buffer.alloc(64 * MIB));
    });
    app.get('/slow', (_req, res) => void setTimeout(() => res.send('slow'), 150));
    app.use((req, res) => void (req.method === 'GET' ? res.send('here') : res.status(413).send('too large')));
    server = await listen(app, { host: '127.0.0.1', port, log: createLog('silent'), arrival: ARRIVAL });
  });
  afterEach(async () => {
    closed = [];
    await server.close();
  });

  const open = () => connect(port, '127.0.0.1').on('error', () => {});

  it('drops a client that does not read its answer', async () => {
    const socket = open().pause();
    socket.write('GET /large HTTP/1.1\r\nHost: bridge\r\n\r\n');
    await once(socket, 'connect');
    while (closed.length === 0) await new Promise((done) => setTimeout(done, 10));
    await closed[0];
    socket.destroy();
  });

  it('does not drop one that reads slowly, or waits for a slow answer', async () => {
    const socket = open();
    socket.write('GET /large HTTP/1.1\r\nHost: bridge\r\nConnection: close\r\n\r\n');
    let bytes = 0;
    socket.on('data', (data) => {
      bytes += data.length;
      if (bytes > 8 * MIB) return;
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    });
    await once(socket, 'close');
    expect(bytes).toBeGreaterThan(64 * MIB);
  });

  it('answers a refused body at once, and reads on until its client has seen the answer', async () => {
    // As a client that sends all of it before it reads.
    const socket = open().pause();
    const body = Buffer.alloc(4 * MIB);
    socket.write(`POST /x HTTP/1.1\r\nHost: bridge\r\nContent-Length: ${body.length}\r\n\r\n`);
    await new Promise<void>((sent) => socket.write(body, () => sent()));
    let answer = '';
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text;
    });
    socket.resume();
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
    expect(answer).toMatch(/too large$/);
  });

  it('reads refused bodies no faster than so many bytes a second, whoever sends them', async () => {
    let written = 0;
    const sockets = Array.from({ length: 20 }, () => {
      const socket = open();
      socket.write(`POST /x HTTP/1.1\r\nHost: bridge\r\nContent-Length: ${64 * MIB}\r\n\r\n`);
      const piece = Buffer.alloc(MIB);
      const more = () => {
        written += piece.length;
        if (!socket.destroyed) socket.write(piece, more);
      };
      socket.write(piece, more);
      return socket;
    });
    await new Promise((done) => setTimeout(done, 1_000));
    for (const socket of sockets) socket.destroy();
    // 32 MiB a second, and what the kernel holds of twenty connections.
    expect(written).toBeLessThan(300 * MIB);
  });

  it('keeps a connection whose small body was refused', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (method: string) =>
      new Promise<string | undefined>((resolve, reject) => {
        const asked = request({ port, agent, method, path: '/x' }, (answer) => {
          answer.resume().on('end', () => resolve(answer.headers.connection));
        });
        asked.on('error', reject).end(method === 'POST' ? 'small' : undefined);
      });
    expect(await ask('POST')).not.toBe('close');
    expect(await ask('GET')).not.toBe('close');
    agent.destroy();
  });

  it('says Connection: close when it stops, and resets nobody', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const ask = (path: string) =>
      new Promise<{ readonly status: number | undefined; readonly connection: string | undefined }>(
        (resolve, reject) => {
          const asked = request({ port, agent, path }, (answer) => {
            const { statusCode: status, headers } = answer;
            answer.resume().on('end', () => resolve({ status, connection: headers.connection }));
          });
          asked.on('error', reject).end();
        },
      );
    // Each of them has a connection that is kept.
    await Promise.all(['/a', '/b', '/c', '/d'].map(ask));
    const underway = ask('/slow');
    await new Promise((done) => setTimeout(done, 20));
    const stopped = server.close();
    const onOpenOnes = Promise.all([ask('/a'), ask('/b'), ask('/c')]);
    expect(await underway).toEqual({ status: 200, connection: 'close' });
    for (const answer of await onOpenOnes) expect(answer).toEqual({ status: 200, connection: 'close' });
    await expect(ask('/e')).rejects.toThrow(/ECONNREFUSED/);
    await stopped;
    agent.destroy();
  });

  it('does not wait for idle connections for long when it stops', async () => {
    const idle = [open(), open()];
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    const started = performance.now();
    await server.close();
    expect(performance.now() - started).toBeLessThan(4_000);
  });
});
